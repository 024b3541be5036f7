/** What `berth doctor` says about its host, also while the cloud is away. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tellStatus } from '../../../shim/commands/doctor.ts';
import { type StatusSources, statusOf } from '../../../shim/plugin/status.ts';

const NOON = Date.UTC(2026, 11, 1, 12);
const SOURCES: StatusSources = {
  version: '0.1.0',
  startedAt: NOON - 3 * 3_600_000,
  data: '/var/lib/berth',
  endpoint: 'https://abc.lambda-url.eu-west-1.on.aws/',
  answeredAt: NOON - 12_000,
  standing: { source: "the AWS SDK's default chain", isHeld: true, expiresAt: NOON + 3_600_000, clockOffset: 0 },
  comparison: { mode: 'fix', at: NOON - 240_000, findings: [] },
  health: { status: 'ok', reasons: [], host: 'web-1', journal: { depth: 0, oldestSeconds: 0, deadLetters: 0 } },
};

const told = (change: Partial<StatusSources> = {}): string => tellStatus(statusOf({ ...SOURCES, ...change }), NOON);

describe('the status of a host', () => {
  it('is a line for each fact', () => {
    assert.equal(
      told(),
      [
        'host         web-1',
        'shim         0.1.0, started 3 h ago',
        'data         /var/lib/berth',
        'endpoint     https://abc.lambda-url.eu-west-1.on.aws/',
        'answered     12 s ago',
        "credentials  from the AWS SDK's default chain, valid until 2026-12-01T13:00:00.000Z",
        "clock        agrees with AWS's",
        'journal      no call waits, 0 given up',
        'compared     4 min ago, no difference',
        'health       ok',
      ].join('\n'),
    );
  });

  it('says what is wrong', () => {
    const text = told({
      answeredAt: undefined,
      standing: { source: '/x/credentials', isHeld: false, expiresAt: undefined, clockOffset: -400_000 },
      comparison: { mode: 'fix', at: NOON - 240_000, failure: 'no Docker', findings: [] },
      health: {
        status: 'degraded',
        reasons: ['the functions cannot be reached', '2 calls were given up'],
        host: 'web-1',
        journal: { depth: 3, oldestSeconds: 71, deadLetters: 2 },
      },
    });
    for (const line of [
      'answered     not since the start',
      'credentials  from /x/credentials, none held',
      "clock        400 s ahead of AWS's; requests are corrected",
      'journal      3 calls wait, the oldest for 71 s, 2 given up',
      'compared     4 min ago, failed: no Docker',
      'health       degraded: the functions cannot be reached; 2 calls were given up',
    ]) {
      assert.ok(text.split('\n').includes(line), `${line}\n\n${text}`);
    }
    assert.match(told({ comparison: { mode: 'off', at: undefined, findings: [] } }), /^compared +not yet$/m);
    assert.match(told({ comparison: { mode: 'report', at: NOON, findings: [1, 2] } }), /0 s ago, 2 differences$/m);
    assert.match(told({ standing: { ...SOURCES.standing, expiresAt: undefined } }), /default chain$/m);
  });
});
