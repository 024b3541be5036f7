/** CI runners that start and die on a range that holds only few networks at a time. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { limit, until } from '../../support/deadlines.ts';
import { LocalCloud } from '../../support/local-cloud.ts';
import { whyNoEngine } from '../engine/support/engines.ts';
import { Events } from './support/events.ts';
import { SWEEP_EVERY } from './support/engine-fleet.ts';
import { type Runner, heldBy, smallRunner, wholeRunner } from './support/runners.ts';
import { endLease, untilFenced } from './support/silence.ts';

/** Sixteen subnets. A space must remember silent hosts for at least a minute. */
const CAPACITY = 16;
const FORGET_AFTER = 60_000;
const SPACE = { ranges: ['10.77.0.0/24'], size4: 28, cooldown: 2_000, forgetAfter: FORGET_AFTER };
const DRY =
  /all predefined address pools have been fully subnetted: no \/28 is free in 10\.77\.0\.0\/24 of space default/;

/** Networks per runner: 2 silent runners, 2 lanes of small runners and one of large ones leave some subnets free. */
const OF_SILENT = 2;
const OF_SMALL = 4;
const OF_WHOLE = 2;
const WHOLE_RUNNERS = 3;
const SMALL_RUNNERS = (10 * CAPACITY) / OF_SMALL;

const POLL = 50;
const LATEST = 150_000;

describe(
  'runners that die without releasing anything',
  { skip: whyNoEngine() ?? false, timeout: limit(300_000) },
  () => {
    let cloud: LocalCloud;
    let events: Events;
    let instances = 0;
    const living = new Set<Runner>();

    before(async () => {
      cloud = await LocalCloud.start({ sweepEvery: SWEEP_EVERY });
      await cloud.configure(SPACE);
      events = new Events(cloud);
    });

    after(async () => {
      await Promise.all([...living].map((runner) => runner.die()));
      await events.stop();
      await cloud.stop();
    });

    async function start(kind: typeof smallRunner): Promise<Runner> {
      const runner = await kind(cloud, `i-${(++instances).toString(16).padStart(17, '0')}`);
      living.add(runner);
      return runner;
    }

    async function kill(runner: Runner): Promise<void> {
      living.delete(runner);
      await runner.die();
    }

    async function untilFree(hostId: string): Promise<void> {
      const isFree = async (): Promise<boolean> => heldBy(await cloud.contents(), hostId) === 0;
      await until(isFree, `${hostId} holds nothing`, { milliseconds: LATEST, pause: POLL });
    }

    async function lifeOf(kind: typeof smallRunner, networks: number): Promise<Runner> {
      const runner = await start(kind);
      for (let i = 0; i < networks; i++) assert.match(await runner.work(), /^10\.77\.0\.\d+\/28$/);
      assert.ok(heldBy(await cloud.contents(), runner.hostId) > networks, 'it holds nothing that could be freed');
      await kill(runner);
      return runner;
    }

    /** Runs one runner after the other, whose deaths EC2 reports. @returns ms from each event until all was free. */
    async function lane(kind: typeof smallRunner, runners: number, networks: number): Promise<number[]> {
      const times: number[] = [];
      for (let i = 0; i < runners; i++) {
        const { hostId } = await lifeOf(kind, networks);
        const began = performance.now();
        await events.terminated(hostId);
        await untilFree(hostId);
        times.push(performance.now() - began);
      }
      return times;
    }

    /** @returns ms from the end of the lease until it was fenced, and until all was free. */
    async function silentDeath(): Promise<{ fenced: number; free: number }> {
      const { hostId } = await lifeOf(smallRunner, OF_SILENT);
      await endLease(cloud.store, hostId);
      const began = performance.now();
      await untilFenced(cloud.store, hostId);
      const fenced = performance.now() - began;
      await untilFree(hostId);
      return { fenced, free: performance.now() - began };
    }

    it('never exhaust a range, although they take ten times what it holds', async (t) => {
      const [silent, ...told] = await Promise.all([
        Promise.all([silentDeath(), silentDeath()]),
        lane(smallRunner, SMALL_RUNNERS / 2, OF_SMALL),
        lane(smallRunner, SMALL_RUNNERS / 2, OF_SMALL),
        lane(wholeRunner, WHOLE_RUNNERS, OF_WHOLE),
      ]);
      const times = told.flat().toSorted((a, b) => a - b);
      const most = (values: readonly number[]): string => seconds(Math.max(...values));
      t.diagnostic(
        `from the event of a death until its addresses were free: ${seconds(median(times))}, at most ${most(times)}`,
      );
      t.diagnostic(
        `by the heartbeat only, from the end of the lease (half an hour): fenced after ${most(silent.map(({ fenced }) => fenced))}, ` +
          `free after ${most(silent.map(({ free }) => free))}, of which the space remembers ${seconds(FORGET_AFTER)}`,
      );
      assert.deepEqual((await cloud.contents()).pools, []);
    });

    it('exhaust the range while their deaths are not reported, and not any more once they are', async () => {
      const dead = [];
      for (let i = 0; i < CAPACITY / OF_SMALL; i++) dead.push(await lifeOf(smallRunner, OF_SMALL));
      const next = await start(smallRunner);
      await assert.rejects(next.work(), DRY);
      for (const { hostId } of dead) await events.terminated(hostId);
      // A refusal may rest on a survey of the last 30 s, and then says so.
      let refusal = '';
      const works = (): Promise<boolean> =>
        next.work().then(
          () => true,
          (error: unknown) => ((refusal = String(error)), false),
        );
      await until(works, () => `a subnet that was freed is found: ${refusal}`, { milliseconds: 60_000, pause: 2_000 });
    });
  },
);

const seconds = (milliseconds: number): string => `${(milliseconds / 1_000).toFixed(1)} s`;

const median = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)] ?? NaN;
