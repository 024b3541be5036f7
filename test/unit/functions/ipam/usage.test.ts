/** What a sweep reports about how full pools are, and about its own progress. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LEASE_MS } from '../../../../functions/ipam/host.ts';
import { FIRST_CURSOR, type SweepCursor } from '../../../../functions/ipam/sweep-cursor.ts';
import type { Standing } from '../../../../functions/ipam/sweep/report.ts';
import { type SweepBounds, sweep } from '../../../../functions/ipam/sweep/sweep.ts';
import { type Fleet, Host, fleet, lone, pair, withMac } from '../../../support/fleet.ts';
import { withoutFailures } from '../../../support/whole-sweep.ts';

const HOUR = 3_600_000;
const macOf = (i: number) =>
  withMac(`02:42:0a:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`);

/** Sweeps in steps until the walk over all items has ended. */
async function walk(deps: Fleet, limit: number, from: SweepCursor = FIRST_CURSOR) {
  let cursor = from;
  let standing: Standing;
  let steps = 0;
  do {
    const bounds: SweepBounds = { deadline: Infinity, limit, cursor };
    ({ cursor, standing } = await withoutFailures(sweep(deps, bounds)));
    steps++;
  } while (cursor.item !== undefined);
  return { cursor, standing, steps };
}

/** A pool of each size, with the given number of containers in each. */
async function crowded(): Promise<Fleet> {
  const { deps, one: a, other: b } = pair();
  for (const [pool, containers] of [
    ['10.0.0.0/16', 300],
    ['10.1.0.0/24', 126],
    ['10.2.0.0/24', 20],
    ['10.3.0.0/29', 4],
    ['2001:db8::/64', 3],
  ] as const) {
    const nets = [await a.pool({ pool }), await b.pool({ pool })];
    for (let i = 0; i < containers; i++) {
      const net = nets[i % 2] ?? assert.fail();
      await (i % 2 === 0 ? a : b).address(net, '', macOf(i));
    }
  }
  return deps;
}

describe('the usage of the pools', () => {
  it('is reported at the end of a walk, including the gateway of each pool, with the fullest pool by name', async () => {
    const { standing } = await walk(await crowded(), 100_000);
    const { usage } = standing;
    assert.ok(usage !== undefined);
    assert.deepEqual(
      usage.fullest.map(({ space, cidr, size, held }) => [space, cidr, size, held]),
      [
        ['default', '10.1.0.0/24', 254, 127],
        ['default', '10.2.0.0/24', 254, 21],
        ['default', '10.0.0.0/16', 65_534, 301],
        ['default', '2001:db8::/64', 2 ** 64, 4],
      ],
    );
    assert.deepEqual([usage.pools, usage.held, usage.open], [5, 127 + 21 + 301 + 4 + 5, {}]);
    assert.deepEqual(usage.spaces, {
      default: { pools4: 4, pools6: 1, size4: 65_534 + 254 + 254 + 6, held4: 127 + 21 + 301 + 5, held6: 4 },
    });
  });

  it('is the same however many runs the walk takes', async () => {
    const deps = await crowded();
    const whole = await walk(deps, 100_000);
    for (const limit of [1, 7, 50]) {
      const parts = await walk(deps, limit);
      assert.ok(parts.steps > whole.steps);
      assert.deepEqual(parts.standing.usage, whole.standing.usage);
    }
  });

  it('is not reported during a walk, or when no walk is due', async () => {
    const deps = await crowded();
    const first = await withoutFailures(sweep(deps, { deadline: Infinity, limit: 10, cursor: undefined }));
    assert.equal(first.standing.usage, undefined);
    const { cursor } = await walk(deps, 100_000, first.cursor);
    const idle = await withoutFailures(sweep(deps, { deadline: Infinity, limit: 10, cursor }));
    assert.equal(idle.standing.usage, undefined);
    assert.equal(idle.cursor.usage, undefined);
  });

  it('does not count resting addresses', async () => {
    const { deps, host: a } = lone();
    const net = await a.pool({ pool: '10.1.0.0/24' });
    await a.release(net, await a.address(net, '', macOf(1)));
    assert.equal((await walk(deps, 100)).standing.usage?.held, 1);
  });
});

describe('the progress of the sweep', () => {
  it('is the time since the last complete walk, and is not reported before the first', async () => {
    const deps = await crowded();
    const first = await withoutFailures(sweep(deps, { deadline: Infinity, limit: 10, cursor: undefined }));
    assert.equal(first.standing.lag, undefined);
    const { cursor, standing } = await walk(deps, 100_000, first.cursor);
    assert.equal(standing.lag, 0);
    deps.world.advance(HOUR / 2);
    assert.equal(
      (await withoutFailures(sweep(deps, { deadline: Infinity, limit: 10, cursor }))).standing.lag,
      HOUR / 2,
    );
  });
});

describe('fenced hosts', () => {
  async function silent(count: number): Promise<Fleet> {
    const deps = fleet();
    for (let i = 0; i < count; i++) await new Host(deps, `host-${i}`).register({ proposed: `nonce${i}` });
    deps.world.advance(LEASE_MS);
    return deps;
  }

  it('are counted by every sweep that visits all hosts, including those fenced by earlier sweeps', async () => {
    const deps = await silent(5);
    const first = await withoutFailures(sweep(deps, { deadline: Infinity, limit: 100, cursor: undefined }));
    assert.equal(first.standing.fencedHosts, 5);
    await new Host(deps, 'host-0').register({ incarnation: 'nonce0' });
    const next = await withoutFailures(sweep(deps, { deadline: Infinity, limit: 100, cursor: first.cursor }));
    assert.equal(next.standing.fencedHosts, 4);
  });

  it('are counted over as many runs as it takes to visit all hosts', async () => {
    const deps = await silent(5);
    let cursor: SweepCursor | undefined;
    const told: (number | undefined)[] = [];
    for (let i = 0; i < 3; i++) {
      const { cursor: next, standing } = await withoutFailures(sweep(deps, { deadline: Infinity, limit: 2, cursor }));
      told.push(standing.fencedHosts);
      cursor = next;
    }
    assert.deepEqual(told, [undefined, undefined, 5]);
    assert.equal(cursor?.fenced, 0);
  });
});
