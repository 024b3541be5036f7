/** The simulation: its parts, one by one, and a small scope of it against the real rules. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { readFigures } from './document.ts';
import { printed } from './run.ts';
import { type SweepCosts, keepsUp, sweepWeek } from './scale/garbage.ts';
import { Heap } from './scale/heap.ts';
import { LAMBDA, type Settings, deployedSettings } from './scale/limits.ts';
import { type Fleet, type Outcome, comeBack, join, reboot } from './scale/scenarios.ts';
import { raise } from './scale/sizing.ts';
import { Bucket, TableLimits } from './scale/table-limits.ts';
import { ALIVE_NETWORKS, type Operation, type Traces, countTraces } from './scale/traces.ts';
import { VirtualTime } from './scale/virtual-time.ts';
import { RUNS } from './assumptions.ts';
import { countUses } from './uses.ts';
import { chance } from '../test/support/interleaving.ts';

const SEED = 1;

describe('the parts of the simulation', () => {
  it('a heap gives back its items in order', () => {
    const random = chance(SEED);
    const numbers = Array.from({ length: 1_000 }, () => Math.floor(random() * 100));
    const heap = new Heap<number>((one, other) => one < other);
    const out: (number | undefined)[] = [];
    for (const number of numbers.slice(0, 500)) heap.push(number);
    for (let i = 0; i < 100; i++) out.push(heap.pop());
    assert.deepEqual(
      out,
      numbers
        .slice(0, 500)
        .sort((a, b) => a - b)
        .slice(0, 100),
    );
    for (const number of numbers.slice(500)) heap.push(number);
    const rest: number[] = [];
    for (let next = heap.pop(); next !== undefined; next = heap.pop()) rest.push(next);
    assert.deepEqual(
      rest,
      [...rest].sort((a, b) => a - b),
    );
    assert.equal(rest.length, 900);
  });

  it('virtual time lets everything run that can before it moves on', async () => {
    const time = new VirtualTime(SEED);
    const seen: [string, number][] = [];
    const walk = async (name: string, pause: number): Promise<void> => {
      for (let i = 0; i < 3; i++) {
        await time.pause(pause);
        for (let hop = 0; hop < 20; hop++) await Promise.resolve();
        seen.push([name, time.now()]);
      }
    };
    const all = Promise.all([walk('slow', 20), walk('fast', 10)]);
    await time.run();
    await all;
    const fast = [10, 20, 30].map((at) => ['fast', at]);
    const slow = [20, 40, 60].map((at) => ['slow', at]);
    assert.deepEqual(
      seen.filter(([name]) => name === 'fast'),
      fast,
    );
    assert.deepEqual(
      seen.filter(([name]) => name === 'slow'),
      slow,
    );
    assert.deepEqual(
      seen.map(([, at]) => at),
      [10, 20, 20, 30, 40, 60],
    );
  });

  it('a bucket lets through its rate, and the second before it', () => {
    let now = 0;
    const bucket = new Bucket(() => now, 50);
    let taken = 0;
    for (; now < 10_000; now++) {
      if (!bucket.hasRoom) continue;
      bucket.take(1);
      taken++;
    }
    assert.ok(taken >= 50 * 10 + 49 && taken <= 50 * 11 + 1, String(taken));
  });

  it('a table names the limit that refuses: its partition, its index, its growth or its maximum', () => {
    const cause = (most: number, previous: number, asked: Partial<Parameters<TableLimits['refusal']>[0]>): string => {
      const limits = new TableLimits({
        now: () => 0,
        most: { writes: most, reads: most },
        previousPeak: { writes: previous, reads: previous },
        weight: 1,
      });
      const write = { partition: undefined, isWrite: true, isIndexed: false, ...asked };
      for (let units = 0; units < 100_000; units++) {
        const refusal = limits.refusal(write);
        if (refusal !== undefined) return `${refusal} at ${units}`;
        limits.take(write, 1, write.isIndexed ? 1 : 0);
      }
      return 'none';
    };
    assert.equal(cause(40_000, 0, { partition: 'a' }), 'partition a: writes at 1000');
    assert.equal(cause(40_000, 0, { isIndexed: true }), 'index: writes at 4000');
    assert.equal(cause(40_000, 0, {}), 'growth of the table: writes at 4000');
    assert.equal(cause(40_000, 5_000, {}), 'growth of the table: writes at 10000');
    assert.equal(cause(3_000, 0, {}), 'maximum of the table: writes at 3000');
  });

  it('reads its settings from the files of the stack', () => {
    const settings = deployedSettings();
    assert.equal(settings.megabytes, RUNS.call.megabytes);
    assert.equal(settings.sweepMegabytes, RUNS.sweep.megabytes);
    assert.ok(Object.values(settings.concurrency).every((number) => number > 0));
    assert.ok(settings.timeoutMs === 10_000 && settings.sweepTimeoutMs === 60_000 && settings.sweepEveryMs === 300_000);
  });

  it('raises the setting that refused, and reports a limit that no setting governs', () => {
    const settings = deployedSettings();
    const more = (cause: string): Settings => {
      const raised = raise(settings, cause);
      assert.ok(raised !== undefined, cause);
      return raised;
    };
    assert.ok(more('calls a second of `hosts`').concurrency.hosts > settings.concurrency.hosts);
    assert.ok(more('maximum of the table: writes').table.writes > settings.table.writes);
    assert.equal(more('partition space 0: writes').spaces, 2);
    for (const cause of ['growth of the table: writes', 'new environments of `pools`', 'partition hosts#3: writes'])
      assert.equal(raise(settings, cause), undefined);
  });
});

describe('a sweep over a week', () => {
  const cost = { requests: 10, roundTrips: 1, writeUnits: 5, readUnits: 5, lost: 0 };
  const costs: SweepCosts = { clear: cost, pass: { ...cost, requests: 3 } };
  const week = (endedADay: number) => sweepWeek({ settings: deployedSettings(), costs, alive: 1_000, endedADay });

  it('keeps up with what it can clear, and falls behind with more', () => {
    // Some 17 ms each, and 52 s in five minutes: 0.9 million a day.
    assert.ok(keepsUp(week(500_000)));
    assert.ok(!keepsUp(week(1_500_000)));
    const { backlog } = week(1_500_000);
    assert.ok((backlog[6] ?? 0) > 2 * (backlog[2] ?? Infinity));
  });

  it('loses none and clears none twice', () => {
    const { writes, backlog } = week(100_000);
    const cleared = writes / cost.writeUnits;
    const left = backlog[6] ?? 0;
    assert.ok(Math.abs(cleared + left - 700_000) < left, `${cleared} cleared, ${left} left`);
  });
});

describe('simulated fleets', () => {
  let traces: Traces;
  let fleet: Fleet;
  before(async () => {
    traces = await countTraces(SEED);
    const previousPeak = { writes: 0, reads: 0 };
    fleet = { traces, settings: deployedSettings(), seed: SEED, hosts: 20, addresses: 10, previousPeak };
  });

  it('the requests of operations are those that are counted as a whole', async () => {
    const { container, network, looks } = await countUses(SEED);
    const units = (...operations: readonly Operation[]) => {
      const steps = operations.flatMap((operation) => traces[operation].flat());
      const sum = (isWrite: boolean): number =>
        steps.reduce((all, step) => all + (step.isWrite === isWrite ? step.units + step.indexUnits : 0), 0);
      return { calls: operations.length, requests: steps.length, writes: sum(true), reads: sum(false) };
    };
    assert.deepEqual(units('requestAddress', 'releaseAddress'), container);
    // Its first network also reads the key of seals, and creates it.
    const whole = { ...network, requests: network.requests - 2, writes: network.writes - 1, reads: network.reads - 1 };
    assert.deepEqual(units('createPool', 'gateway', 'releaseGateway', 'releasePool'), whole);
    const look = looks.find(({ networks }) => networks === ALIVE_NETWORKS);
    assert.deepEqual(units('holdings', 'networks'), look?.use);
  });

  const facts = ({ tally }: Outcome) => ({
    ...{ offered: tally.offered, calls: tally.calls, units: tally.units, latencies: tally.latencies() },
    ...{ failures: [...tally.failures], throttles: [...tally.throttles], delivered: tally.delivered },
  });

  it('two runs with one seed are the same', async () => {
    assert.deepEqual(facts(await comeBack(fleet)), facts(await comeBack(fleet)));
    assert.notDeepEqual(facts(await comeBack(fleet)), facts(await comeBack({ ...fleet, seed: SEED + 1 })));
  });

  it('what fits fails nowhere, and takes as many units as the counts say', async () => {
    const { tally } = await join({ ...fleet, addresses: 1 });
    assert.equal(tally.failures.size, 0);
    assert.equal(tally.took.length, 20);
    // Of the writes on the gateway's exact slot, each may be lost once.
    const writes = 20 * 7;
    assert.ok(tally.units.writes >= writes && tally.units.writes <= writes + 40, JSON.stringify(tally.units));
  });

  it('a function takes no more calls than its rate, and the rest fails by that limit', async () => {
    const few = { ...fleet.settings.concurrency, addresses: 1 };
    const settings = { ...fleet.settings, concurrency: few };
    const { tally, servedMs } = await reboot({ ...fleet, settings, hosts: 40 }, 1_000, 60_000);
    // Half of them: which calls are repeated depends a little on the order in which the engine answers.
    assert.ok(tally.failedShare > 0.4, String(tally.failedShare));
    assert.deepEqual([...tally.failures.keys()], ['calls a second of `addresses`']);
    assert.ok(tally.took.length <= (LAMBDA.callsPerExecution * servedMs) / 1_000 + LAMBDA.callsPerExecution);
  });
});

describe('bench:scale', () => {
  it('agrees with the real rules in a small scope', () => {
    const text = printed('scale.ts', '--quick');
    assert.match(text, /Addresses, simulated to executed: .* ✓|too busy for the check/);
  });

  it('has its figures in docs/scaling.md', async () => {
    for (const section of ['scale', 'scale-check']) {
      assert.match(await readFigures(section, 'docs/scaling.md'), /^\| --- \|/m, 'npm run bench:scale -- --write');
    }
  });
});
