/** Swarm's managers, with the requests that the engine suite recorded (test/system/engine/swarm.test.ts). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { GrantedPool } from '../../../../functions/ipam/pools/request-pool.ts';
import { DEFAULT_SPACE, defaultsOf } from '../../../../functions/ipam/space.ts';
import { overlap } from '../../../../protocol/address.ts';
import { globalSpaceOf } from '../../../../protocol/ids.ts';
import { Host, fleet, refused, lone, GATEWAY, withMac } from '../../../support/fleet.ts';

const SERIAL = { 'com.docker.network.ipam.serial': 'true' };
const SUBNET = '10.77.0.0/24';
const MAC = '02:42:0a:4d:00:05';

type Deps = ReturnType<typeof fleet>;

/** A fleet whose operator has named managers. */
function swarm(): Deps {
  const deps = fleet();
  for (const space of ['default.global', 'prod.global']) {
    deps.store.spaces.set(space, { settings: { managers: ['m', 'm1', 'm2', 'h'] }, rev: 'one' });
  }
  return deps;
}

/** A leader that starts: it requests the network, its gateway, and the addresses in use in it. */
async function lead(host: Host, inUse: readonly string[] = [], pool = SUBNET): Promise<GrantedPool> {
  const net = await host.pool({ pool, space: 'default.global' });
  await host.address(net, '', { ...GATEWAY, ...SERIAL });
  for (const address of inUse) assert.equal(await host.address(net, address, SERIAL), address);
  return net;
}

const planned = (host: Host, net: GrantedPool, address = ''): Promise<string> => host.address(net, address, SERIAL);

const livePools = ({ store }: Deps): string[] => [...store.pools.values()].map(({ space }) => space);

describe('a manager', () => {
  it('plans addresses, which its nodes then take in a space of their own', async () => {
    const deps = swarm();
    const [manager, node] = [new Host(deps, 'm'), new Host(deps, 'n')];
    const plan = await lead(manager);
    const address = await planned(manager, plan);
    for (const host of [manager, node]) {
      const net = await host.pool({ pool: SUBNET });
      assert.equal(await host.address(net, '10.77.0.1', GATEWAY), '10.77.0.1');
    }
    const net = await node.pool({ pool: SUBNET });
    assert.equal(await node.address(net, address, withMac(MAC)), address);
    // The addresses are really held in the nodes' space.
    const other = await manager.pool({ pool: SUBNET });
    await refused(manager.address(other, address, withMac(MAC)), 'address-in-use', /held by an endpoint .* of host n/);
  });

  it("plans in the managers' part of the space that a network names", async () => {
    const deps = swarm();
    const host = new Host(deps, 'm');
    const options = { 'berth.space': 'prod' };
    await host.pool({ pool: SUBNET, space: 'default.global', options });
    await host.pool({ pool: SUBNET, space: 'default', options });
    assert.deepEqual(livePools(deps).toSorted(), ['prod', 'prod.global']);
  });

  it('gets automatic subnets from ranges that its nodes do not use', () => {
    const [own, others] = [defaultsOf(globalSpaceOf('default')).ranges, DEFAULT_SPACE.ranges];
    assert.equal(own.length, 2);
    for (const range of own) assert.ok(others.every((other) => !overlap(range, other)));
  });

  it('releases an address that it requested explicitly', async () => {
    const host = new Host(swarm(), 'm');
    const net = await lead(host, ['10.77.0.9']);
    assert.equal(await host.release(net, '10.77.0.9'), 'freed');
    assert.equal(await planned(host, net, '10.77.0.9'), '10.77.0.9');
  });

  it('shares its space with no other driver', async () => {
    const host = new Host(swarm(), 'h');
    const net = await host.pool({ pool: SUBNET, space: 'default.global' });
    const words = /^address space default\.global is only for the managers of a swarm; .* driver of local scope$/;
    for (const options of [GATEWAY, withMac(MAC), {}])
      await refused(host.address(net, '', options), 'invalid-request', words);
    const bad = host.pool({ options: { 'berth.space': 'default.global' } });
    await refused(bad, 'invalid-request', /^bad value "default\.global" for berth\.space/);
  });
});

describe('a leader that starts', () => {
  it('gets the addresses that it had before, and leaves nothing behind when the network goes', async () => {
    const deps = swarm();
    const host = new Host(deps, 'm');
    const inUse = [];
    const before = await lead(host);
    for (let i = 0; i < 5; i++) inUse.push(await planned(host, before));
    const after = await lead(host, inUse);
    await refused(planned(host, after, inUse[0]), 'address-in-use', /held by an endpoint of host m/);
    assert.ok(!inUse.includes(await planned(host, after)));
    await host.leave(after);
    assert.deepEqual(livePools(deps), []);
  });

  it('takes over from a leader on another host, which gets nothing more', async () => {
    const deps = swarm();
    const [former, leader] = [new Host(deps, 'm1'), new Host(deps, 'm2')];
    const before = await lead(former);
    const address = await planned(former, before);
    deps.world.advance(1_000);
    const after = await lead(leader, [address]);
    await refused(planned(former, before), 'pool-gone', /this network's share of 10\.77\.0\.0\/24 .* was released/);
    assert.equal(await former.release(before, address), 'nothing');
    await leader.leave(after);
    assert.deepEqual(livePools(deps), []);
  });

  it('is not ended by a late request of an earlier leader', async () => {
    const deps = swarm();
    const [former, leader] = [new Host(deps, 'm1'), new Host(deps, 'm2')];
    const before = await former.pool({ pool: SUBNET, space: 'default.global' });
    deps.world.advance(1_000);
    const after = await leader.pool({ pool: SUBNET, space: 'default.global' });
    // The former leader requests its gateway first: it must not end the later leader.
    await former.address(before, '', { ...GATEWAY, ...SERIAL });
    await leader.address(after, '', { ...GATEWAY, ...SERIAL });
    assert.match(await planned(leader, after), /^10\.77\.0\./);
    await refused(planned(former, before), 'pool-gone', /was released/);
  });

  it('takes no address of a network that another leader is starting', async () => {
    const deps = swarm();
    const [former, leader] = [new Host(deps, 'm1'), new Host(deps, 'm2')];
    const before = await lead(former);
    const address = await planned(former, before);
    deps.world.advance(1_000);
    // The leader has not requested its gateway yet.
    const after = await leader.pool({ pool: SUBNET, space: 'default.global' });
    await refused(planned(leader, after, address), 'address-in-use', /held by an endpoint of host m1/);
  });
});

describe('a node', () => {
  it('takes over no address of a network that has ended', async () => {
    const { host } = lone('n');
    const first = await host.pool({ pool: SUBNET });
    const second = await host.pool({ pool: SUBNET });
    await host.address(first, '10.77.0.9', withMac(MAC));
    await host.leave(first);
    await refused(host.address(second, '10.77.0.9', withMac(MAC)), 'address-in-use', /held by an endpoint/);
  });
});
