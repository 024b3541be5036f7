/** A /16 from empty to full, against a naive oracle: the set of free addresses. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { placeOf } from '../../../../functions/ipam/chunk.ts';
import { encodeSlot } from '../../../../functions/ipam/slot.ts';
import { formatAddress, usableRange } from '../../../../protocol/address.ts';
import { type Fleet, Host, refused } from '../../../support/fleet.ts';
import { chance } from '../../../support/interleaving.ts';
import { MemoryStore } from '../../../support/memory-store.ts';
import { testWorld } from '../../../support/world.ts';
import { numbers, cidr } from './values.ts';

const POOL = cidr('10.2.0.0/16');
const GATEWAY = '10.2.0.1';
const HOSTS = 4;
const CLAIMS = 64;
const LEASE = encodeSlot({
  kind: 'leased',
  ref: 'crowdedhost000',
  requestKey: '000000001aaaa',
  mac: '02:42:ac:11:00:02',
  name: '',
});

/** Leases all but the given number of addresses, chosen at random. @returns those that are left. */
async function fill(deps: Fleet, generation: string, spare: number, seed: number): Promise<Set<string>> {
  const usable = usableRange(POOL) ?? assert.fail();
  const random = chance(seed);
  const shuffled = numbers(usable.first + 1n, usable.last)
    .map((value) => ({ value, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ value }) => ({ family: 4, value }) as const);
  for (const address of shuffled.slice(spare)) {
    const expectation = { kind: 'free', cooledBy: 0 } as const;
    await deps.store.writeSlot(placeOf(generation, POOL, address), LEASE, undefined, expectation);
  }
  return new Set(shuffled.slice(0, spare).map(formatAddress));
}

async function crowd(spare: number, seed: number) {
  const deps = { store: new MemoryStore(), world: testWorld({ seed }) };
  const hosts = await Promise.all(
    Array.from({ length: HOSTS }, async (_, i) => {
      const host = new Host(deps, `h${i}`);
      return { host, net: await host.pool({ pool: '10.2.0.0/16' }) };
    }),
  );
  const [pool] = deps.store.pools.values();
  return { hosts, free: await fill(deps, pool?.generation ?? assert.fail(), spare, seed) };
}

describe('a /16', () => {
  for (const [held, spare] of [
    [0, 65_533],
    [50, 32_766],
    [90, 6_553],
    [99, 655],
    [99.9, 65],
  ] as const) {
    it(`that is ${held} % full gives out each free address once, and takes it back`, async () => {
      const { hosts, free } = await crowd(spare, 1);
      assert.equal(free.size, spare);
      for (let i = 0; i < CLAIMS; i++) {
        const { host, net } = hosts[i % HOSTS] ?? assert.fail();
        const address = await host.address(net);
        assert.ok(free.delete(address), `${address} is held, or ${GATEWAY}`);
        if (i % 3 > 0) continue;
        assert.equal(await host.release(net, address), 'freed');
        free.add(address);
      }
    });
  }

  it('with one address left gives it out, and then reports that none of its 65,534 addresses is free', async () => {
    const { hosts, free } = await crowd(1, 2);
    const { host, net } = hosts[0] ?? assert.fail();
    assert.deepEqual([await host.address(net)], [...free]);
    await refused(host.address(net), 'no-address-left', /: none of its 65534 addresses is free \(65533 held, /);
  });
});
