import assert from 'node:assert/strict';
import { type TestContext, describe, it } from 'node:test';
import { type FleetActions, handleFleetEvents } from '../../../../functions/lambda/fleet-handler.ts';
import type { Gauge } from '../../../../functions/lambda/metrics.ts';
import { captureLog, contextWith } from './event.ts';

const INSTANCE = 'i-1234567890abcdef0';
const NOW = Date.UTC(2026, 0, 1);

const TICK = { source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} };
const stateChange = (state: string) => ({
  source: 'aws.ec2',
  'detail-type': 'EC2 Instance State-change Notification',
  detail: { 'instance-id': INSTANCE, state },
});

const swept = (did: Record<string, number>, gauges: Record<string, Gauge | undefined> = {}) => ({
  saw: { hosts: 7 },
  did,
  gauges,
  about: { pools: 3 },
  reasons: [],
  failures: [],
});

/** The calls that are made, and what is logged until it has ended. */
function handling(t: TestContext, event: unknown, actions: Partial<FleetActions> = {}) {
  t.mock.timers.enable({ apis: ['Date'], now: NOW });
  const lines = captureLog(t);
  const asked: unknown[] = [];
  const note = (what: string) => (hostId: string, why: string) => {
    asked.push([what, hostId, why]);
    return Promise.resolve('done' as const);
  };
  const sweep = (deadline: number) => {
    asked.push(['sweep', deadline]);
    return Promise.resolve(swept({ fenced: 2, forgotten: 0 }));
  };
  const all = { sweep, death: note('death'), drain: note('drain'), ...actions };
  return { asked, lines, ended: handleFleetEvents(all, 'berth-test')(event, contextWith(60_000)) };
}

async function handled(...args: Parameters<typeof handling>) {
  const { ended, ...seen } = handling(...args);
  await ended;
  return seen;
}

const metricsOf = (Metrics: readonly object[]) => ({
  Timestamp: NOW,
  CloudWatchMetrics: [{ Namespace: 'Berth', Dimensions: [['Table']], Metrics }],
});

describe('a tick of the schedule', () => {
  it('sweeps until shortly before the function ends, and logs in one line what it did', async (t) => {
    const { asked, lines } = await handled(t, TICK);
    assert.deepEqual(asked, [['sweep', NOW + 52_000]]);
    assert.deepEqual(lines[0], { level: 'info', message: 'swept', hosts: 7, fenced: 2, forgotten: 0, pools: 3 });
  });

  it('emits metrics to CloudWatch for what it did, and none for what it did not', async (t) => {
    const { lines } = await handled(t, TICK);
    assert.deepEqual(lines.slice(1), [
      { _aws: metricsOf([{ Name: 'Fenced', Unit: 'Count' }]), Table: 'berth-test', Fenced: 2 },
    ]);
  });

  it('with nothing to do emits no metric', async (t) => {
    const { lines } = await handled(t, TICK, { sweep: () => Promise.resolve(swept({ fenced: 0 })) });
    assert.deepEqual(lines, [{ level: 'info', message: 'swept', hosts: 7, fenced: 0, pools: 3 }]);
  });

  it('reports gauges even when they are zero, and leaves out those that it does not know', async (t) => {
    const gauges = {
      fencedHosts: { unit: 'Count', value: 0 },
      fullestPool: { unit: 'Percent', value: 87.5 },
      addressesHeld: undefined,
    } as const;
    const { lines } = await handled(t, TICK, { sweep: () => Promise.resolve(swept({ fenced: 0 }, gauges)) });
    const metrics = [
      { Name: 'FencedHosts', Unit: 'Count' },
      { Name: 'FullestPool', Unit: 'Percent' },
    ];
    assert.deepEqual(lines.slice(1), [
      { _aws: metricsOf(metrics), Table: 'berth-test', FencedHosts: 0, FullestPool: 87.5 },
    ]);
  });

  it('names what it left out, and why', async (t) => {
    const reasons = ['generation a: damaged', 'host b: damaged'];
    const sweep = () => Promise.resolve({ ...swept({}), reasons });
    const { lines } = await handled(t, TICK, { sweep });
    assert.deepEqual(lines.slice(0, 2), [
      { level: 'error', message: 'item left out', reason: 'generation a: damaged' },
      { level: 'error', message: 'item left out', reason: 'host b: damaged' },
    ]);
  });

  it('that fails in part reports each failure and all that it did, and then to Lambda that it failed', async (t) => {
    const failures = ['host a', 'host b'].map((part) => ({ part, error: new Error(`no ${part}`) }));
    const sweepLag = { unit: 'Seconds', value: 5 } as const;
    const sweep = () =>
      Promise.resolve({ ...swept({ fenced: 2 }, { sweepLag }), reasons: ['host c: damaged'], failures });
    const { ended, lines } = handling(t, TICK, { sweep });
    await assert.rejects(ended, /^Error: parts of the sweep that failed: 2; the first is host a: no host a$/);
    assert.deepEqual(
      lines.map(({ message, part, Fenced, SweepLag }) => [message, part, Fenced, SweepLag].filter(Boolean)),
      [
        ['item left out'],
        ['part of the sweep failed', 'host a'],
        ['part of the sweep failed', 'host b'],
        ['swept'],
        [2, 5],
      ],
    );
  });

  it('that fails is reported to Lambda', async (t) => {
    await assert.rejects(handled(t, TICK, { sweep: () => Promise.reject(new Error('no table')) }), /^Error: no table$/);
  });
});

describe('an event of an instance', () => {
  it('that has ended reports the death of its host, and is logged once', async (t) => {
    const { asked, lines } = await handled(t, stateChange('terminated'));
    const why = 'EC2 says that the instance is terminated';
    assert.deepEqual(asked, [['death', INSTANCE, why]]);
    assert.deepEqual(lines, [
      { level: 'info', message: 'instance event', host: INSTANCE, why, kind: 'death', outcome: 'done' },
      { _aws: metricsOf([{ Name: 'Deaths', Unit: 'Count' }]), Table: 'berth-test', Deaths: 1 },
    ]);
  });

  it('that is about to end drains its host', async (t) => {
    const { asked } = await handled(t, stateChange('shutting-down'));
    assert.deepEqual(asked, [['drain', INSTANCE, 'EC2 says that the instance is shutting-down']]);
  });

  it('that may come back does nothing', async (t) => {
    const { asked, lines } = await handled(t, stateChange('stopped'));
    assert.deepEqual([asked, lines.map(({ outcome }) => outcome)], [[], ['none']]);
  });

  it('that is not a host is logged, and not counted', async (t) => {
    const { lines } = await handled(t, stateChange('terminated'), { death: () => Promise.resolve('unknown') });
    assert.deepEqual(
      lines.map(({ outcome }) => outcome),
      ['unknown'],
    );
  });

  it('that fails is reported to Lambda, which retries it', async (t) => {
    const death = () => Promise.reject(new Error('no table'));
    await assert.rejects(handled(t, stateChange('terminated'), { death }), /^Error: no table$/);
  });
});

it('an unknown event is refused with an error in the log, and not retried', async (t) => {
  const event = { ...stateChange('terminated'), source: 'somebody' };
  const { asked, lines } = await handled(t, event);
  assert.deepEqual(asked, []);
  assert.deepEqual(
    lines.map(({ level, message, event: told }) => ({ level, message, told })),
    [{ level: 'error', message: 'event refused', told: event }],
  );
});
