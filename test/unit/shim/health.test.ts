import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import path from 'node:path';
import { type TestContext, describe, it } from 'node:test';
import { askHealth } from '../../../shim/commands/ask-health.ts';
import type { JournalStats } from '../../../shim/journal/journal.ts';
import { type HealthSources, healthOf } from '../../../shim/plugin/health.ts';
import { Metrics } from '../../../shim/plugin/metrics.ts';
import { listen } from '../../support/http.ts';
import { temporaryFolder } from './temporary.ts';

const IDLE: JournalStats = { depth: 0, bytes: 0, oldest: undefined, deadLetters: 0, failing: undefined };

const FOUND = { kind: 'leaked-lease', text: '10.1.0.3 is leased for nothing', done: 'to be mended' } as const;

const sources = (wish: Partial<HealthSources> & { readonly stats?: Partial<JournalStats> } = {}): HealthSources => ({
  hostId: 'host-1',
  unreached: undefined,
  unregistered: undefined,
  leaving: undefined,
  rival: undefined,
  findings: [],
  ...wish,
  journal: { stats: { ...IDLE, ...wish.stats } },
});

describe('the health of a shim', () => {
  const states: readonly [string, HealthSources, 'ok' | 'degraded' | 'failing', RegExp][] = [
    ['without problems', sources(), 'ok', /^$/],
    ['while the cloud is unreachable', sources({ unreached: 'no route' }), 'degraded', /^no route$/],
    [
      'with a conflict',
      sources({ findings: [FOUND, { ...FOUND, kind: 'conflict', text: 'web has 10.1.0.2' }] }),
      'degraded',
      /^web has 10\.1\.0\.2$/,
    ],
    ['with differences that it will mend', sources({ findings: [FOUND] }), 'ok', /^$/],
    ['of a host that drains', sources({ leaving: 'it drains' }), 'degraded', /^it drains$/],
    [
      'with calls that have waited for minutes',
      sources({ stats: { depth: 7, oldest: 0 } }),
      'degraded',
      /^7 calls have not reached the cloud yet, .* for \d+ s$/,
    ],
    [
      'with calls that were given up',
      sources({ stats: { deadLetters: 2 } }),
      'degraded',
      /^2 calls were given up; .* berth doctor --fix/,
    ],
    ['with calls that have just begun to wait', sources({ stats: { depth: 7, oldest: Date.now() } }), 'ok', /^$/],
    ['of a host that the fleet refuses', sources({ unregistered: 'taken' }), 'failing', /^taken$/],
    ['with a full disk', sources({ stats: { failing: 'no space' } }), 'failing', /^no space$/],
    [
      'with every problem',
      sources({ unreached: 'no route', unregistered: 'taken', stats: { failing: 'no space' } }),
      'failing',
      /^taken no space no route$/,
    ],
  ];
  for (const [what, given, status, words] of states) {
    it(`${what} is ${status}`, () => {
      const health = healthOf(given);
      assert.equal(health.status, status);
      assert.match(health.reasons.join(' '), words);
    });
  }

  it('reports how much waits, for how long, and what was given up', () => {
    for (const oldest of [Date.now() - 2_000, Date.now() + 60_000]) {
      const { host, journal } = healthOf(sources({ stats: { depth: 3, oldest, deadLetters: 2 } }));
      assert.deepEqual([host, journal.depth, journal.deadLetters], ['host-1', 3, 2]);
      assert.ok(journal.oldestSeconds >= 0, 'also when the clock was put back');
    }
  });
});

async function serve(t: TestContext, body: string): Promise<string> {
  const socket = path.join(await temporaryFolder(t), 'berth.sock');
  await listen(
    t,
    createServer((_, response) => response.end(body)),
    socket,
  );
  return socket;
}

describe('a client that asks a shim for its health', () => {
  it('receives it', async (t) => {
    const health = healthOf(sources({ unreached: 'no route' }));
    assert.deepEqual(await askHealth(await serve(t, JSON.stringify(health))), health);
  });

  it('gets an error when no process serves the socket', async (t) => {
    await assert.rejects(askHealth(path.join(await temporaryFolder(t), 'berth.sock')), { code: 'ENOENT' });
  });

  for (const body of ['', 'hello', '{"status":"fine"}', 'x'.repeat(100_000)]) {
    it(`rejects any other answer: ${body.slice(0, 20)}`, async (t) => {
      await assert.rejects(askHealth(await serve(t, body)));
    });
  }
});

/** The metrics that Prometheus reads, by name and labels. */
async function scrape(t: TestContext, metrics: Metrics, url = '/metrics'): Promise<{ status: number; text: string }> {
  const port = await listen(t, metrics.server());
  const response = await fetch(`http://127.0.0.1:${port}${url}`);
  return { status: response.status, text: await response.text() };
}

describe('the metrics of a shim', () => {
  const metricsOf = (
    stats: Partial<JournalStats> = {},
    isReached = true,
    findings: readonly { readonly kind: string }[] = [],
  ): Metrics =>
    new Metrics({
      journal: { stats: { ...IDLE, ...stats } },
      inFlight: () => 5,
      isReached: () => isReached,
      findings: () => findings,
    });

  it('count the calls by outcome, and the attempts', async (t) => {
    const metrics = metricsOf();
    metrics.called('RequestPool', 'answered', 20, 1);
    metrics.called('RequestPool', 'refused', 20, 3);
    metrics.called('ReleasePool', 'failed', 20, 0);
    const { text } = await scrape(t, metrics);
    assert.match(text, /^berth_shim_calls_total\{method="RequestPool",outcome="answered"\} 1$/m);
    assert.match(text, /^berth_shim_calls_total\{method="RequestPool",outcome="refused"\} 1$/m);
    assert.match(text, /^berth_shim_calls_total\{method="ReleasePool",outcome="failed"\} 1$/m);
    assert.match(text, /^berth_shim_attempts_total\{method="RequestPool"\} 4$/m);
    assert.match(text, /^berth_shim_call_duration_seconds_bucket\{le="0.025",method="RequestPool"\} 2$/m);
  });

  it('report the journal and the cloud as they are at the time of the scrape', async (t) => {
    const { text } = await scrape(t, metricsOf({ depth: 7, bytes: 900, deadLetters: 2, failing: 'no space' }, false));
    const gauges = {
      in_flight: 5,
      cloud_up: 0,
      journal_depth: 7,
      journal_bytes: 900,
      journal_failing: 1,
      dead_letters: 2,
    };
    for (const [name, value] of Object.entries(gauges)) {
      assert.match(text, new RegExp(`^berth_shim_${name} ${value}$`, 'm'));
    }
    assert.match(text, /^berth_shim_journal_oldest_seconds 0$/m);
  });

  it('count by kind where Docker and the table differ, and forget resolved differences', async (t) => {
    const findings = ['conflict', 'leaked-lease', 'leaked-lease'].map((kind) => ({ kind }));
    const metrics = metricsOf({}, true, findings);
    const { text } = await scrape(t, metrics);
    assert.match(text, /^berth_shim_reconcile_findings\{kind="conflict"\} 1$/m);
    assert.match(text, /^berth_shim_reconcile_findings\{kind="leaked-lease"\} 2$/m);
    findings.length = 0;
    assert.doesNotMatch((await scrape(t, metrics)).text, /^berth_shim_reconcile_findings\{/m);
  });

  it('are served in one place only', async (t) => {
    assert.equal((await scrape(t, metricsOf(), '/')).status, 404);
  });
});
