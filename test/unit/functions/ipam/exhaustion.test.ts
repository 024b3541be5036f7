/** What the error of an exhausted pool says, and that it is true. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { GrantedPool } from '../../../../functions/ipam/pools/request-pool.ts';
import { Host, fleet, refused } from '../../../support/fleet.ts';
import { MemoryStore } from '../../../support/memory-store.ts';
import { testWorld } from '../../../support/world.ts';

const POOL = '10.1.0.0/28';

/** Hosts on one pool, each of which holds the given number of addresses. */
async function crowd(held: Readonly<Record<string, number>>, options = {}) {
  const deps = fleet();
  const networks: { host: Host; net: GrantedPool; addresses: string[] }[] = [];
  for (const [id, count] of Object.entries(held)) {
    const host = new Host(deps, id);
    const net = await host.pool({ pool: POOL, options });
    const addresses: string[] = [];
    for (let i = 0; i < count; i++) addresses.push(await host.address(net));
    networks.push({ host, net, addresses });
  }
  const last = networks.at(-1) ?? assert.fail();
  return { deps, networks, ...last };
}

describe('the error of an exhausted pool', () => {
  it('names the pool, the one host that holds all addresses, and the remedies', async () => {
    const { host, net } = await crowd({ a: 13 });
    const words =
      /^no available addresses on this pool \(10.1.0.0\/28\): none of its 14 addresses is free \(13 held by host a; 1 reserved as gateway or auxiliary address\); remove containers that are not needed, or create the network with a larger subnet$/;
    await refused(host.address(net), 'no-address-left', words);
  });

  it('names the three hosts that hold most, over all their networks', async () => {
    const { host, net, networks, deps } = await crowd({ a: 2, b: 3, c: 2, d: 1 }, { 'berth.gateway': 'none' });
    const second = await (networks[0]?.host ?? assert.fail()).pool({
      pool: POOL,
      options: { 'berth.gateway': 'none' },
    });
    for (let i = 0; i < 6; i++) await networks[0]?.host.address(second);
    assert.equal([...deps.store.refs.values()].length, 5);
    const words =
      /none of its 14 addresses is free \(14 held, among them 8 by host a, 3 by host b, 2 by host c\); remove/;
    await refused(host.address(net), 'no-address-left', words);
  });

  it('names all hosts when there are few', async () => {
    const { host, net } = await crowd({ a: 9, b: 4 });
    await refused(host.address(net), 'no-address-left', /13 held, 9 by host a, 4 by host b; 1 reserved/);
  });

  it('says how many addresses are resting, and for how long, when the call cannot wait for one', async () => {
    const { deps, host, net, addresses } = await crowd({ a: 13 });
    await host.release(net, addresses[0] ?? '');
    deps.world.advance(700);
    await host.release(net, addresses[1] ?? '');
    const hurried = host.call({ deadline: deps.world.now() + 500 });
    const words = /11 held by host a; 1 reserved .*; 2 resting after release, so try again in 2 s\)/;
    await refused(host.address(net, '', {}, hurried), 'no-address-left', words);
    const patient = await host.address(net);
    assert.equal(patient, addresses[0], 'the one that has rested longest');
  });

  it('names the range that a network is confined to', async () => {
    const host = new Host(fleet(), 'b');
    const net = await host.pool({ pool: POOL, subPool: '10.1.0.8/31' });
    const got = [await host.address(net), await host.address(net)];
    assert.deepEqual(got.sort(), ['10.1.0.8', '10.1.0.9']);
    const words =
      /\(10.1.0.0\/28, range 10.1.0.8\/31\): none of its 2 addresses is free \(2 held by host b\); remove .* with a larger --ip-range$/;
    await refused(host.address(net), 'no-address-left', words);
  });

  it('is worded for a pool of one usable address, and of none', async () => {
    const host = new Host(fleet(), 'a');
    const one = await host.pool({ pool: '10.1.0.1/32' });
    await host.address(one);
    await refused(host.address(one), 'no-address-left', /none of its one address is free \(1 held by host a\)/);
    const none = await host.pool({ pool: 'fd00::/128' });
    await refused(host.address(none), 'no-address-left', /\(fd00::\/128\): the pool has no usable address$/);
  });

  it('is returned even when the holders cannot be found out', async () => {
    const store = new ForgetfulStore();
    const host = new Host({ store, world: testWorld() }, 'a');
    const net = await host.pool({ pool: '10.1.0.0/31' });
    await host.address(net);
    await host.address(net);
    // The first read asks whether the network may take an address at all.
    store.readsLeft = 1;
    await refused(host.address(net), 'no-address-left', /2 held by host unknown/);
  });
});

/** Fails to read references after the first few. */
class ForgetfulStore extends MemoryStore {
  readsLeft = Infinity;

  override readRef(generation: string, name: string): ReturnType<MemoryStore['readRef']> {
    return this.readsLeft-- > 0 ? super.readRef(generation, name) : Promise.reject(new Error('the table is down'));
  }
}
