/** Concurrent callers, their steps interleaved by a seed: what must hold at every step, and what must be left at the end. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Refusal } from '../../../../functions/ipam/refusal.ts';
import { overlap } from '../../../../protocol/address.ts';
import { Host, GATEWAY, withMac } from '../../../support/fleet.ts';
import { chance, interleaved } from '../../../support/interleaving.ts';
import { MemoryStore } from '../../../support/memory-store.ts';
import { testWorld } from '../../../support/world.ts';

const SEEDS = Array.from({ length: 400 }, (_, i) => i + 1);

/** A refused call had no effect; any other failure is a fault. */
function unlessRefused(error: unknown): undefined {
  if (error instanceof Refusal) return undefined;
  throw error;
}

function setting(seed: number) {
  const memory = new MemoryStore();
  const generations = new Map<string, string>();
  const check = (): void => {
    const standing = [...memory.pools.values()].filter(({ state }) => state !== 'pending');
    for (const a of standing) for (const b of standing) assert.ok(a === b || !overlap(a.cidr, b.cidr), `seed ${seed}`);
    for (const [poolId, generation] of generations) {
      assert.ok(
        standing.some((pool) => pool.generation === generation),
        `seed ${seed}: ${poolId} lost its pool`,
      );
    }
  };
  // The clocks of the functions differ: the first to announce does not always have the older announcement.
  const random = chance(seed + 0.5);
  const exact = testWorld({ seed });
  const world = { ...exact, now: () => exact.now() + Math.floor(random() * 100) };
  return { memory, generations, deps: { store: interleaved(memory, seed, check), world } };
}

/** The generation of the pool that a PoolID belongs to. */
const generationOf = (poolId: string): string => poolId.split(',')[4] ?? assert.fail(poolId);

describe('pools, in whatever order callers act', () => {
  const WISHES = ['10.0.0.0/30', '10.0.0.0/29', '10.0.0.0/30', '10.0.0.4/30', '10.0.0.0/30'];

  it('never overlap, do not outlive their references and lose none', async () => {
    let granted = 0;
    for (const seed of SEEDS) {
      const { memory, generations, deps } = setting(seed);
      const random = chance(-seed);
      const live = async (id: number): Promise<void> => {
        const host = new Host(deps, `h${id}`);
        for (let round = 0; round < 3; round++) {
          const pool = WISHES[Math.floor(random() * WISHES.length)] ?? assert.fail();
          const net = await host.pool({ pool }).catch(unlessRefused);
          if (net === undefined) continue;
          granted++;
          generations.set(net.poolId, generationOf(net.poolId));
          for (let turns = Math.floor(random() * 20); turns > 0; turns--) await Promise.resolve();
          generations.delete(net.poolId);
          await host.leave(net);
        }
      };
      await Promise.all([1, 2, 3, 4].map(live));
      const left = [...memory.pools.values()];
      assert.deepEqual(left, [], `seed ${seed} leaves a pool`);
      assert.ok(
        [...memory.refs.values()].every(({ state }) => state === 'gone'),
        `seed ${seed} leaves a reference`,
      );
    }
    assert.ok(granted > SEEDS.length * 3, `only ${granted} pools were granted`);
  });
});

describe('addresses, in whatever order callers act', () => {
  it('have one holder at a time, and are all free at the end', async () => {
    for (const seed of SEEDS) {
      const { memory, deps } = setting(seed);
      const random = chance(-seed);
      const holders = new Map<string, string>();
      const live = async (id: string): Promise<void> => {
        const host = new Host(deps, id);
        const net = await host.pool({ pool: '10.0.0.0/29', options: { 'berth.cooldown': '2s' } });
        await host.address(net, '', GATEWAY);
        for (let round = 0; round < 6; round++) {
          const mac = withMac(`02:00:00:00:00:0${Math.floor(random() * 3)}`);
          const wanted = random() < 0.3 ? `10.0.0.${2 + Math.floor(random() * 5)}` : '';
          const address = await host.address(net, wanted, mac).catch(unlessRefused);
          if (address === undefined) continue;
          assert.equal(holders.get(address), undefined, `seed ${seed}: ${address} is held twice`);
          holders.set(address, id);
          for (let turns = Math.floor(random() * 20); turns > 0; turns--) await Promise.resolve();
          holders.delete(address);
          await host.release(net, address);
        }
      };
      await Promise.all(['a', 'b', 'c', 'd'].map(live));
      const leases = [...memory.chunks.values()].flatMap(({ slots }) => slots.filter((slot) => slot?.startsWith('L')));
      assert.deepEqual(leases, [], `seed ${seed} leaks a lease`);
    }
  });
});
