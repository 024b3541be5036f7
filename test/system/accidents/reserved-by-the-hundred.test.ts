/** A network that reserves hundreds of addresses must be able to release them in one short call. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Store } from '../../../functions/ipam/store.ts';
import { fleet, refused, pair } from '../../support/fleet.ts';

const MOST = 512;

/** Counts the steps of a store: concurrent operations count as one. */
function stepped(store: Store) {
  const count = { steps: 0, underWay: 0 };
  const slowly = <Args extends readonly unknown[], R>(operation: (...args: Args) => Promise<R>) => {
    return async (...args: Args): Promise<R> => {
      if (count.underWay++ === 0) count.steps++;
      await turn();
      return operation(...args).finally(() => count.underWay--);
    };
  };
  const readChunks = slowly<Parameters<Store['readChunks']>, Awaited<ReturnType<Store['readChunks']>>>(
    store.readChunks.bind(store),
  );
  const writeSlot = slowly<Parameters<Store['writeSlot']>, Awaited<ReturnType<Store['writeSlot']>>>(
    store.writeSlot.bind(store),
  );
  return { count, readChunks, writeSlot };
}

async function stage() {
  const { deps, one: host, other } = pair();
  const net = await host.pool({ pool: '10.1.0.0/16' });
  await other.pool({ pool: '10.1.0.0/16' });
  for (let i = 0; i < MOST; i++) await host.address(net, `10.1.${8 + (i >> 5)}.${(i & 31) * 7}`);
  return { deps, host, other, net };
}

const reserved = ({ store }: ReturnType<typeof fleet>): number =>
  [...store.chunks.values()].flatMap(({ slots }) => slots).filter((slot) => slot?.startsWith('R')).length;

describe('a network that reserves hundreds of addresses', () => {
  it('releases them in few steps, although another network keeps the pool', async () => {
    const { deps, host, net } = await stage();
    assert.equal(reserved(deps), MOST + 1);
    const { count, ...slow } = stepped(deps.store);
    Object.assign(deps.store, slow);
    await host.leave(net);
    assert.equal(reserved(deps), 1, 'the gateway, which the other network keeps');
    assert.ok(count.steps <= MOST / 16 + 32, `${count.steps} steps`);
  });

  it('is refused before it reserves more than one release can free', async () => {
    const { host, net } = await stage();
    await refused(host.address(net, '10.1.200.1'), 'limit-reached', /reserves 512 addresses, .* \(--ip-range\)/);
  });
});
