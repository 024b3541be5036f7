/**
 * For every call of dockerd, every fault and every attempt: dockerd gets exactly one answer that it can read, in time, and
 * when all is quiet the table holds exactly what dockerd believes.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { scaled, slowness } from '../../support/deadlines.ts';
import type { Rule } from '../../support/fault-proxy.ts';
import type { Fault } from '../../support/faults.ts';
import { LocalCloud } from '../../support/local-cloud.ts';
import { METHODS } from './answers.ts';
import { duplicates, faults, nuisances, scenarios, strangers } from './scenarios.ts';
import { type Misfortune, type Report, nextTrial, tryAll } from './trial.ts';

/** So many hosts at once keep two processors busy; where others do so already, fewer, or they would wait for each other. */
const AT_ONCE = Math.max(2, Math.round(8 / Math.sqrt(slowness())));
/** ms: with the deadline, twice over, since what is late is told when the process gets its turn. */
const GRACE = 1_000;

let cloud: LocalCloud;

before(async () => {
  cloud = await LocalCloud.start();
});

after(() => cloud.stop());

/** What requests are to be answered: releases are always granted, since they are on the disk. */
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

/** What dockerd asks for alone: what the shim says of its own accord passes, so that it settles while a call is late. */
const ofDocker = (rule: Rule): Rule[] => METHODS.map((method) => ({ ...rule, path: `/IpamDriver.${method}` }));

const LOST = { attempt: 1, fault: { kind: 'drop-after' } } as const;
const atFirst = (fault: Fault) => programmed(...ofDocker({ attempt: 1, fault }));
const atSecond = (fault: Fault) => programmed(LOST, { attempt: 2, fault });
/**
 * A copy of which the shim learns nothing. HTTP forbids to repeat a POST on the way (RFC 9110, section 9.2.2); a pool that
 * is asked for twice all the same is two networks, one of which nobody knows.
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
