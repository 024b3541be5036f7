/**
 * For every call of dockerd, every fault and every attempt: dockerd gets exactly one readable answer, in time, and
 * once nothing is in flight the table holds exactly what dockerd believes to have.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { scaled, slowness } from '../../support/deadlines.ts';
import type { Rule } from '../../support/fault-proxy.ts';
import type { Fault } from '../../support/faults.ts';
import { LocalCloud } from '../../support/local-cloud.ts';
import { METHODS } from '../../../protocol/methods.ts';
import { duplicates, faults, nuisances, scenarios, strangers } from './scenarios.ts';
import { type Misfortune, type Report, nextTrial, tryAll } from './trial.ts';

/** This many hosts keep two processors busy. On a busy machine fewer run at once, so that they do not wait for each other. */
const AT_ONCE = Math.max(2, Math.round(8 / Math.sqrt(slowness())));
/** ms added to twice the deadline, since a busy process notices the end of a deadline late. */
const GRACE = 1_000;

let cloud: LocalCloud;

before(async () => {
  cloud = await LocalCloud.start();
});

after(() => cloud.stop());

/** The expected answers: releases are always granted, since they are on the disk. */
type Expected = 'granted' | 'refused' | 'either';

function suffer(what: string, befall: Misfortune, expected: Expected): void {
  const trial = nextTrial();
  describe(what, () => {
    let report: Report;
    before(async () => {
      report = await tryAll(cloud, trial, befall);
    });
    for (const [scenario, { method }] of Object.entries(scenarios)) {
      const outcome = method.startsWith('Release') ? 'granted' : expected;
      it(`answers ${scenario} once, clearly and in time`, () => {
        const told = report.told.get(scenario);
        if (told === undefined || told instanceof Error) throw told ?? new Error('no answer');
        assert.ok(told.isAnswered && !told.wasCut, 'the connection broke');
        assert.ok(told.ms < 2 * (report.deadline * 1_000 + scaled(GRACE)), `answered after ${told.ms} ms`);
        if (outcome === 'granted') assert.equal(told.error, undefined);
        if (outcome === 'refused') assert.notEqual(told.error, undefined);
      });
    }
    it('leaves in the table exactly what dockerd believes', () => {
      assert.deepEqual(report.surplus, []);
      assert.deepEqual(report.differences, []);
      assert.equal(report.exitCode, 0);
    });
  });
}

const programmed =
  (...rules: readonly Rule[]): Misfortune =>
  ({ proxy }) => {
    proxy.program(...rules);
  };

/** Only dockerd's own requests. The shim's other calls pass, so that it settles a call while that is late. */
const ofDocker = (rule: Rule): Rule[] => METHODS.map((method) => ({ ...rule, path: `/IpamDriver.${method}` }));

const LOST = { attempt: 1, fault: { kind: 'drop-after' } } as const;
const atFirst = (fault: Fault) => programmed(...ofDocker({ attempt: 1, fault }));
const atSecond = (fault: Fault) => programmed(LOST, { attempt: 2, fault });
/**
 * A copy that the shim does not know about. HTTP forbids intermediaries to repeat a POST (RFC 9110, section 9.2.2). A pool
 * that is asked for twice anyway becomes two networks, one of which neither side knows.
 */
const unseen = (fault: Fault) =>
  programmed(...ofDocker({ fault }).filter(({ path }) => path !== '/IpamDriver.RequestPool'));
const always = (fault: Fault) => programmed({ fault });

describe('a shim', { concurrency: AT_ONCE }, () => {
  for (const [what, fault] of faults) {
    suffer(`that meets ${what}, at the first attempt`, atFirst(fault), 'granted');
    suffer(`that meets ${what}, at the second attempt, the first answer lost`, atSecond(fault), 'granted');
    suffer(`that meets ${what}, at every attempt`, always(fault), 'refused');
  }
  for (const [what, fault] of strangers) {
    suffer(`that meets ${what}, at the first attempt`, atFirst(fault), 'granted');
    suffer(`that meets ${what}, at every attempt`, always(fault), 'refused');
  }
  for (const [what, fault] of nuisances) {
    suffer(`that meets ${what}, at every attempt`, always(fault), 'granted');
    suffer(`that meets ${what}, at the second attempt, the first answer lost`, atSecond(fault), 'granted');
  }
  for (const [what, fault] of duplicates) {
    suffer(`that meets ${what}`, unseen(fault), 'granted');
    suffer(`that meets ${what}, at the second attempt, the first answer lost`, atSecond(fault), 'granted');
  }
  for (const how of ['refuse', 'vanish'] as const) {
    suffer(`whose functions ${how}`, ({ proxy }) => proxy.shut(how), 'refused');
  }
});
