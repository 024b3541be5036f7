/** Which hosts may end a swarm leader's network and take over the addresses of its services. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { GrantedPool } from '../../../functions/ipam/pools/request-pool.ts';
import { Host, fleet, refused, GATEWAY } from '../../support/fleet.ts';

const SERIAL = { 'com.docker.network.ipam.serial': 'true' };
const SPACE = 'default.global';
const WISH = { pool: '10.77.0.0/24', space: SPACE };

type Deps = ReturnType<typeof fleet>;

const name = ({ store }: Deps, ...managers: string[]): void => {
  store.spaces.set(SPACE, { settings: { managers }, rev: 'one' });
};

/** What a leader does when it starts. */
async function lead(host: Host): Promise<GrantedPool> {
  const net = await host.pool(WISH);
  await host.address(net, '', { ...GATEWAY, ...SERIAL });
  return net;
}

const tablesOf = ({ store }: Deps): string => JSON.stringify([[...store.refs], [...store.chunks]], bigints);
const bigints = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

/** A leader, and a virtual address of a service. */
async function serving(
  deps: Deps,
): Promise<{ readonly leader: Host; readonly net: GrantedPool; readonly vip: string }> {
  const leader = new Host(deps, 'manager-1');
  const net = await lead(leader);
  return { leader, net, vip: await leader.address(net, '', SERIAL) };
}

describe('a host that makes the requests of a swarm manager', () => {
  for (const [what, managers] of [
    ['that an operator named', ['manager-1', 'manager-2']],
    ['that led before any manager was named', undefined],
  ] as const) {
    it(`does not end a network of a leader ${what}, or take its virtual address`, async () => {
      const deps = fleet();
      name(deps, 'manager-1');
      const { leader, net } = await serving(deps);
      if (managers === undefined) deps.store.spaces.delete(SPACE);
      else name(deps, ...managers);
      const before = tablesOf(deps);
      const words =
        /^address space default\.global is only for the swarm managers .* berth space set default\.global --managers .*mallory/;
      await refused(lead(new Host(deps, 'mallory')), 'not-manager', words);
      await refused(new Host(deps, 'mallory').pool({ space: SPACE }), 'not-manager', words);
      assert.equal(tablesOf(deps), before);
      assert.match(await leader.address(net, '', SERIAL), /^10\.77\.0\./);
    });
  }

  it('gets a refusal that lists the named managers', async () => {
    const deps = fleet();
    name(deps, 'm1', 'm2', 'm3', 'm4');
    await refused(lead(new Host(deps, 'x')), 'not-manager', /\(m1, m2, m3 and more\); if host x is a manager/);
  });
});

describe('a manager that led before managers were named', () => {
  it('keeps what it has when it starts again, and gets nothing else', async () => {
    const deps = fleet();
    name(deps, 'manager-1');
    const { leader, vip } = await serving(deps);
    deps.store.spaces.delete(SPACE);
    const again = await lead(leader);
    assert.equal(await leader.address(again, vip, SERIAL), vip);
    await refused(
      leader.pool({ pool: '10.78.0.0/24', space: SPACE }),
      'not-manager',
      /\(none so far\); if host manager-1/,
    );
  });

  it('does not keep it once other managers are named', async () => {
    const deps = fleet();
    name(deps, 'manager-1');
    const { leader } = await serving(deps);
    name(deps, 'manager-2');
    await refused(lead(leader), 'not-manager', /\(manager-2\)/);
  });
});

describe('a leader whose clock was once ahead', () => {
  it('is succeeded by the next leader, which gets its addresses', async () => {
    const deps = fleet();
    name(deps, 'manager-1', 'manager-2');
    deps.world.advance(30 * 86_400_000);
    const { leader, net, vip } = await serving(deps);
    deps.world.advance(-30 * 86_400_000 + 60_000);
    const next = new Host(deps, 'manager-2');
    const after = await lead(next);
    assert.equal(await next.address(after, vip, SERIAL), vip);
    await refused(leader.address(net, '', SERIAL), 'pool-gone', /was released/);
  });

  it('succeeds itself after its clock was corrected', async () => {
    const deps = fleet();
    name(deps, 'manager-1');
    deps.world.advance(30 * 86_400_000);
    const { vip } = await serving(deps);
    deps.world.advance(-30 * 86_400_000 + 60_000);
    const again = new Host(deps, 'manager-1');
    assert.equal(await again.address(await lead(again), vip, SERIAL), vip);
  });

  it('is also succeeded if its network is of an earlier version', async () => {
    const deps = fleet();
    name(deps, 'manager-1', 'manager-2');
    deps.world.advance(30 * 86_400_000);
    const { vip } = await serving(deps);
    for (const [key, { term: _, ...ref }] of deps.store.refs) deps.store.refs.set(key, ref);
    deps.world.advance(-30 * 86_400_000 + 60_000);
    const next = new Host(deps, 'manager-2');
    assert.equal(await next.address(await lead(next), vip, SERIAL), vip);
  });
});
