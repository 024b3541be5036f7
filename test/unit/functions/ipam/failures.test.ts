/** What stays behind when a request fails halfway. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Store } from '../../../../functions/ipam/store.ts';
import { Host, type PoolWish, refused, GATEWAY, withMac } from '../../../support/fleet.ts';
import { interleaved } from '../../../support/interleaving.ts';
import { MemoryStore } from '../../../support/memory-store.ts';
import { testWorld } from '../../../support/world.ts';

class StoreDown extends Error {}

/** A store whose nth operation from now takes effect, but fails for the caller. */
function failing() {
  const memory = new MemoryStore();
  let left = Infinity;
  const check = (): void => {
    if (--left === 0) throw new StoreDown();
  };
  const store: Store = interleaved(memory, 1, check);
  const failAt = (operation: number): void => {
    left = operation;
  };
  return { memory, failAt, deps: { store, world: testWorld() } };
}

const live = ({ refs }: MemoryStore): number => [...refs.values()].filter(({ state }) => state !== 'gone').length;

describe('a request for a pool during which the store fails', () => {
  const wishes: readonly [what: string, wish: PoolWish, others: number][] = [
    ['a new pool', { pool: '10.1.0.0/24' }, 0],
    ['a pool that others hold', { pool: '10.1.0.0/24' }, 1],
    ['an automatic pool', {}, 0],
    ['a new named pool', { options: { 'berth.name': 'ci' } }, 0],
    ['a named pool that others hold', { options: { 'berth.name': 'ci' } }, 1],
    ['reservations', { pool: '10.1.0.0/24', options: { 'berth.reserve': '10.1.0.5-10.1.0.7' } }, 0],
  ];
  for (const [what, wish, others] of wishes) {
    it(`leaves no reference that cannot be released: ${what}`, async () => {
      let failures = 0;
      for (let operation = 1; ; operation++) {
        const { memory, failAt, deps } = failing();
        const other = new Host(deps, 'other');
        for (let i = 0; i < others; i++) await other.pool(wish);
        failAt(operation);
        const outcome = await new Host(deps, 'host').pool(wish).catch((error: unknown) => error);
        if (!(outcome instanceof StoreDown)) break;
        failures++;
        failAt(Infinity);
        assert.equal(live(memory), others, `after operation ${operation}`);
        const abandoned = [...memory.pools.values()].filter(({ state }) => state !== 'pending');
        assert.equal(abandoned.length, others, `after operation ${operation}`);
      }
      assert.ok(failures >= 4, `only ${failures} operations were tried`);
    });
  }
});

describe('a late request', () => {
  it("for a pool is granted, though its host has moved another network's gateway in the meantime", async () => {
    const { memory, deps } = failing();
    const host = new Host(deps, 'a');
    const first = await host.pool({ pool: '10.1.0.0/24' });
    const call = host.call();
    await host.address(first, '10.1.0.254', GATEWAY);
    const second = await host.pool({ pool: '10.1.0.0/24' }, call);
    await host.leave(first);
    await host.leave(second);
    assert.deepEqual([live(memory), memory.pools.size], [0, 0]);
  });

  it("for a reservation does not restore it over another network's gateway", async () => {
    const { memory, deps } = failing();
    const [c, d] = [new Host(deps, 'c'), new Host(deps, 'd')];
    const late: (() => Promise<unknown>)[] = [];
    const writeSlot: Store['writeSlot'] = (...args) => deps.store.writeSlot(...args);
    const recording = { ...deps, store: { ...deps.store } };
    recording.store.writeSlot = (...args) => {
      late.push(() => writeSlot(...args));
      return writeSlot(...args);
    };
    const mine = await new Host(recording, 'c').pool({ pool: '10.1.0.0/24' });
    const theirs = await d.pool({ pool: '10.1.0.0/24' });
    assert.equal(await d.address(theirs, '', GATEWAY), '10.1.0.1');
    for (const write of late) await write();
    await c.address(mine, '10.1.0.254', GATEWAY);
    await refused(d.address(theirs, '10.1.0.1', withMac('02:00:00:00:00:01')), 'address-in-use', /reserved/);
    assert.equal(memory.pools.size, 1);
  });
});
