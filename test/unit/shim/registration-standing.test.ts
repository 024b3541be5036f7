/** Registrations of a host that was silent, or that drains. */
import assert from 'node:assert/strict';
import { type TestContext, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import * as v from 'valibot';
import { retryWithin } from '../../../shim/cloud/retry.ts';
import { type Verdict, judgeAnswer } from '../../../shim/cloud/verdict.ts';
import { parseEndpoint } from '../../../shim/endpoint.ts';
import { Registration } from '../../../shim/host/registration.ts';
import { healthOf } from '../../../shim/plugin/health.ts';
import { temporaryFolder } from './temporary.ts';

const HEARTBEAT = 600_000;
const proposal = v.object({ Proposed: v.string() });

/** A registration whose every message gets the next of these answers; the last answer repeats. */
async function registrationOn(t: TestContext, ...answers: readonly object[]) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const sent: object[] = [];
  const warnings: string[] = [];
  const send = (message: object): Promise<Verdict> => {
    const { Proposed: Incarnation } = v.parse(proposal, message);
    const told = answers[Math.min(sent.length, answers.length - 1)];
    sent.push(message);
    const usual = { Epoch: 1, Floor: '000000000', HeartbeatSeconds: HEARTBEAT / 1_000, Fresh: false };
    const text = JSON.stringify({ Incarnation, ...usual, ...told });
    return Promise.resolve({ kind: 'answered', text, refusal: undefined, granted: undefined });
  };
  const registration = new Registration({
    folder: await temporaryFolder(t),
    version: '0.1.0',
    space: 'default',
    machine: {},
    send,
    floor: () => undefined,
    renewed: () => undefined,
    returned: () => undefined,
    warn: (message) => warnings.push(message),
  });
  t.after(() => {
    registration.close();
  });
  const pass = async (milliseconds: number): Promise<void> => {
    t.mock.timers.tick(milliseconds);
    await turn();
  };
  return { registration, sent, warnings, pass };
}

describe('a host that returns from silence', () => {
  it('registers again soon while there are networks to wake, then with each heartbeat', async (t) => {
    const { registration, sent, pass } = await registrationOn(t, { Waking: true }, { Waking: true }, { Waking: false });
    await registration.keep();
    assert.equal(sent.length, 1);
    await pass(1_000);
    assert.equal(sent.length, 2);
    await pass(1_000);
    assert.equal(sent.length, 3);
    await pass(HEARTBEAT / 2);
    assert.equal(sent.length, 3);
    await pass(HEARTBEAT);
    assert.equal(sent.length, 4);
  });

  it('waits for its heartbeat when an older function does not mention waking', async (t) => {
    const { registration, sent, pass } = await registrationOn(t, {});
    await registration.keep();
    await pass(HEARTBEAT / 2);
    assert.equal(sent.length, 1);
  });

  it('registers once, at once, when calls are refused for its silence, however many', async (t) => {
    const { registration, sent, pass } = await registrationOn(t, {}, { Epoch: 2 });
    let now = 0;
    t.mock.method(performance, 'now', () => now);
    await registration.keep();
    now += 60_000;
    await Promise.all([registration.renew(), registration.renew(), registration.renew()]);
    assert.deepEqual([sent.length, registration.epoch], [2, 2]);
    const again = registration.renew();
    await pass(900);
    assert.equal(sent.length, 2);
    await pass(200);
    await again;
    assert.equal(sent.length, 3);
  });

  it('repeats the call that was refused for its silence', async () => {
    const refusal = { status: 200, headers: { 'berth-refusal': 'host-fenced' }, body: '{"Error":"silent"}' };
    const granted = { status: 200, headers: {}, body: '{"Address":"10.1.0.2/24"}' };
    const remedies: string[] = [];
    const { last, attempts, isOpen } = await retryWithin({
      budget: 20_000,
      attempt: (number) =>
        Promise.resolve(judgeAnswer('RequestAddress', parseEndpoint('unix:/x'), number === 1 ? refusal : granted)),
      renew: (remedy) => {
        remedies.push(remedy);
        return Promise.resolve();
      },
    });
    assert.deepEqual([last.kind, attempts, isOpen, remedies], ['answered', 2, false, ['register']]);
  });
});

describe('a host that the fleet drains', () => {
  const stats = { depth: 0, deadLetters: 0, oldest: undefined, failing: undefined, bytes: 0 };
  const health = (leaving: string | undefined) =>
    healthOf({
      hostId: 'a',
      journal: { stats },
      unreached: () => undefined,
      unregistered: () => undefined,
      leaving: () => leaving,
      rival: () => undefined,
      findings: () => [],
    });

  it('logs the drain once, and reports it in its health until it is over', async (t) => {
    const { registration, warnings, pass } = await registrationOn(
      t,
      ...['draining', 'draining', 'live'].map((State) => ({ State })),
    );
    await registration.keep();
    await pass(2 * HEARTBEAT);
    assert.match(registration.leaving ?? '', /^the fleet drains this host/);
    assert.deepEqual(warnings, [registration.leaving]);
    const { status, reasons } = health(registration.leaving);
    assert.deepEqual([status, reasons], ['degraded', warnings]);
    await pass(2 * HEARTBEAT);
    assert.equal(registration.leaving, undefined);
    assert.equal(health(registration.leaving).status, 'ok');
  });

  it('is not assumed from an unknown state', async (t) => {
    const { registration } = await registrationOn(t, { State: 'something new' });
    await registration.keep();
    assert.deepEqual([registration.leaving, registration.refusal], [undefined, undefined]);
  });
});
