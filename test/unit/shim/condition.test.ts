import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as v from 'valibot';
import { hostHealth } from '../../../protocol/host-messages.ts';
import { Refusals, conditionOf, remarkOf } from '../../../shim/plugin/condition.ts';
import type { Health } from '../../../shim/plugin/health.ts';
import { callPlugin } from '../../support/berth-process.ts';
import { until } from '../../support/deadlines.ts';
import { stage } from './plugin-stage.ts';
import { refusalOf } from './stand-ins.ts';

const HEALTH: Health = {
  status: 'degraded',
  reasons: ['2 calls were given up', 'it drains'],
  host: 'web-1',
  journal: { depth: 4, oldestSeconds: 9, deadLetters: 2 },
};
const FINDING = { kind: 'leaked-lease', text: '10.1.0.3 is leased for nothing', done: 'to be mended' } as const;
const AT = Date.UTC(2026, 0);

describe('how a host is, as its heartbeat says', () => {
  it('has the first reason, and what waits, differs and was refused', () => {
    const refusals = new Refusals();
    const compared = { last: { findings: [FINDING] }, lastAt: AT, engineVersion: '' };
    const nothing = { Refused: 0, LastRefusal: '' };
    const told = {
      Status: 'degraded',
      Reason: '2 calls were given up',
      Waiting: 4,
      DeadLetters: 2,
      Findings: 1,
      ComparedAt: '2026-01-01T00:00:00.000Z',
    };
    assert.deepEqual(conditionOf({ health: HEALTH, comparison: compared, refusals }), { ...told, ...nothing });
    refusals.note('full');
    refusals.note('taken');
    const { Refused, LastRefusal } = conditionOf({ health: HEALTH, comparison: compared, refusals });
    assert.deepEqual([Refused, LastRefusal], [2, 'taken']);
  });

  it('names no comparison that has failed, or that has not been made', () => {
    const refusals = new Refusals();
    for (const comparison of [
      { last: { findings: [], failure: 'Docker is away' }, lastAt: AT },
      { last: { findings: [] }, lastAt: undefined },
    ])
      assert.equal(conditionOf({ health: HEALTH, comparison, refusals }).ComparedAt, null);
  });

  it('is such that the functions read it, whatever the reasons are', () => {
    const refusals = new Refusals();
    for (const text of ['', 'ä\n\u001b[2J\ud800', 'x'.repeat(500), 'ü'.repeat(120)]) {
      refusals.note(text);
      const comparison = { last: { findings: [] }, lastAt: AT };
      const condition = conditionOf({ health: { ...HEALTH, reasons: [text] }, comparison, refusals });
      assert.deepEqual(v.parse(hostHealth, condition), condition);
    }
    assert.equal(remarkOf('x'.repeat(121)), `${'x'.repeat(117)}...`);
  });
});

describe('a call of dockerd that is refused', () => {
  it('is counted, with the reason', async (t) => {
    const { socket, attempts, refusals } = await stage(t);
    const asked = callPlugin(socket, 'IpamDriver.RequestAddress', { PoolID: 'p', Address: '10.1.0.2', Options: {} });
    await until(() => attempts.length === 1, 'the call is sent');
    attempts[0]?.answer(refusalOf('full'));
    await asked;
    await until(() => refusals.count === 1, 'the refusal is counted');
    assert.equal(refusals.last, 'full');
  });
});
