/**
 * Hosts as separate processes, each with its own functions, on one table: what they saw must have an explanation, and
 * nothing may be lost or leak, whichever host is killed. BERTH_HOSTS sets how many there are. BERTH_SEED determines what
 * each host does, but not the order between hosts.
 */
import assert from 'node:assert/strict';
import { type TestContext, describe, it } from 'node:test';
import { storeOver } from '../../../functions/dynamo/open.ts';
import { type PoolDeps, PoolMemory } from '../../../functions/ipam/pools/memory.ts';
import { releasePool } from '../../../functions/ipam/pools/release-pool.ts';
import { requestPool } from '../../../functions/ipam/pools/request-pool.ts';
import { realWorld } from '../../../functions/lambda/world.ts';
import { formatCidr } from '../../../protocol/address.ts';
import { root } from '../../support/repository.ts';
import { type Edit, mutant } from '../../support/mutant.ts';
import { unknownIn } from './claims.ts';
import { callAfter, cleanUp } from './cleanup.ts';
import type { Contents } from './contents.ts';
import { ProcessFleet, type FleetWish } from './process-fleet.ts';
import { granted } from './history.ts';
import { SPACE } from './life.ts';
import { faultsOf, leftovers } from './verdict.ts';

const SEED = Number(process.env['BERTH_SEED'] ?? Math.floor(Math.random() * 1_000_000_000));
const HOSTS = Number(process.env['BERTH_HOSTS'] ?? 32);

/** Its histories are kept when a check fails. */
async function withFleet(t: TestContext, wish: FleetWish, run: (fleet: ProcessFleet) => Promise<void>): Promise<void> {
  const fleet = await ProcessFleet.start(wish);
  const how = `BERTH_SEED=${SEED} BERTH_HOSTS=${HOSTS}, histories in ${fleet.folder}`;
  try {
    await run(fleet);
    fleet.removeFolder();
  } catch (error) {
    t.diagnostic(`failed: ${how}`);
    throw error;
  } finally {
    await fleet.stop();
  }
}

/** A summary of how many calls were granted. */
function tell(t: TestContext, fleet: ProcessFleet): void {
  const history = fleet.history();
  const count = history.filter((operation) => granted(operation) !== undefined).length;
  const unknown = unknownIn(history).length;
  t.diagnostic(`seed ${SEED}: ${history.length} calls, ${count} granted, ${unknown} without an answer`);
}

const depsOf = ({ client, table }: ProcessFleet): PoolDeps => ({
  world: realWorld,
  store: storeOver(client, table, realWorld),
  memory: new PoolMemory(),
});

/** An announcement whose host was killed before it confirmed it does not block other pools. */
async function takeOver(deps: PoolDeps, fleet: ProcessFleet, { pools }: Contents): Promise<void> {
  for (const { state, cidr } of pools) {
    if (state !== 'pending') continue;
    const request = { addressSpace: SPACE, pool: formatCidr(cidr), subPool: '', v6: false, options: {}, avoid: [] };
    const { poolId } = await requestPool(deps, callAfter(deps, fleet.history(), 'newcomer'), request);
    await releasePool(deps, callAfter(deps, fleet.history(), 'newcomer'), poolId);
  }
}

const wish = { root: root, seed: SEED, hosts: HOSTS, killed: 0, actions: 24 };

describe('many hosts that act at once', () => {
  it('never hold the same thing twice, and leave nothing after they release it', async (t) => {
    await withFleet(t, wish, async (fleet) => {
      await fleet.live();
      tell(t, fleet);
      assert.deepEqual(faultsOf(fleet.history(), await fleet.contents()), []);
      await fleet.giveBack();
      assert.deepEqual(fleet.failures(), []);
      await cleanUp(depsOf(fleet), fleet.history());
      assert.deepEqual(leftovers(await fleet.contents()), []);
      assert.deepEqual(faultsOf(fleet.history(), await fleet.contents()), []);
    });
  });

  it('leave only what they held or had begun when they are killed, which can be freed', async (t) => {
    const killed = Math.ceil(HOSTS / 4);
    await withFleet(t, { ...wish, seed: SEED + 1_000, killed }, async (fleet) => {
      await fleet.live();
      tell(t, fleet);
      assert.ok(unknownIn(fleet.history()).length >= killed);
      assert.deepEqual(faultsOf(fleet.history(), await fleet.contents()), []);
      await fleet.giveBack();
      assert.deepEqual(fleet.failures(), []);
      assert.deepEqual(faultsOf(fleet.history(), await fleet.contents()), []);
      await cleanUp(depsOf(fleet), fleet.history());
      await takeOver(depsOf(fleet), fleet, await fleet.contents());
      assert.deepEqual(leftovers(await fleet.contents()), []);
    });
  });
});

/** Attempts of a control whose guard matters only when two hosts collide. */
const TRIES = 12;

const controls: readonly (Edit & { readonly what: string; readonly hosts: number; readonly fault: RegExp })[] = [
  {
    what: 'an address is claimed whether it is free or not',
    hosts: 5,
    within: 'FREE',
    find: 'const FREE = `${UNUSED} OR',
    replace: 'const FREE = `attribute_not_exists(nothing) OR',
    fault: /^no order explains/,
  },
  {
    what: 'an address that was free when it was read is claimed without a condition',
    hosts: 12,
    within: 'EXACTLY',
    find: "const EXACTLY = '#slot = :seen'",
    replace: "const EXACTLY = 'attribute_not_exists(nothing) OR #slot = :seen'",
    fault: /^no order explains/,
  },
  {
    what: 'a release is answered but not carried out',
    hosts: 4,
    within: 'LEASED_BETWEEN',
    find: "const LEASED_BETWEEN = '#slot BETWEEN :from AND :to'",
    replace: "const LEASED_BETWEEN = '#slot BETWEEN :from AND :to AND attribute_not_exists(#slot)'",
    fault: /^no order explains/,
  },
  {
    what: 'a pool is confirmed without reading others',
    hosts: 5,
    within: 'contest',
    find: 'const { blocking, pending } = await look(store, pool);',
    replace: 'const { blocking, pending }: View = { pending: [] };',
    fault: /^pools overlap: /,
  },
  {
    what: 'a host that leaves a pool does not check whether others are left',
    hosts: 5,
    within: 'retireUnreferenced',
    find: 'if (await isReferenced(store, ref.generation)) {',
    replace: 'if (round < 0) {',
    fault: /^(lost: the pool|pools overlap: )/,
  },
  {
    what: 'a host that leaves a pool does not end its reference',
    hosts: 4,
    within: 'leavePool',
    find: '  await deps.store.endRef(ref.generation, ref.name, deps.world.now());\n  return',
    replace: '  return',
    fault: /^leaked: the network/,
  },
];

describe('without a guard', () => {
  for (const { what, hosts, fault, ...edit } of controls) {
    it(`the verdict detects that ${what} (control)`, async (t) => {
      const { root, remove } = await mutant([edit]);
      try {
        for (let tries = 1; ; tries++) {
          const found = await faultsUnder(t, { root, seed: SEED + tries, hosts, killed: 0, actions: 16 });
          const [first] = found.filter((each) => fault.test(each));
          if (first !== undefined) {
            t.diagnostic(`try ${tries}: ${first.split('\n')[0] ?? ''}`);
            return;
          }
          assert.ok(tries < TRIES, `nothing is found in ${TRIES} tries from seed ${SEED} on, but ${found.join('; ')}`);
        }
      } finally {
        await remove();
      }
    });
  }
});

async function faultsUnder(t: TestContext, wanted: FleetWish): Promise<string[]> {
  let found: string[] = [];
  await withFleet(t, wanted, async (fleet) => {
    await fleet.live();
    found = faultsOf(fleet.history(), await fleet.contents());
  });
  return found;
}
