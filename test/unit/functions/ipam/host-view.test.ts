/** What an operator sees of a host before declaring it dead. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LEASE_MS } from '../../../../functions/ipam/host.ts';
import { declareDead } from '../../../../functions/ipam/hosts/host-events.ts';
import { viewHost } from '../../../../functions/ipam/hosts/host-view.ts';
import { formatCidr } from '../../../../protocol/address.ts';
import { Host, fleet, refused, lone } from '../../../support/fleet.ts';

async function stage() {
  const { deps, host } = lone();
  await host.register({ principal: 'arn:aws:iam::123456789012:user/a' });
  return { deps, host, state: () => deps.store.hosts.get('a')?.state };
}

describe('a look at a host', () => {
  it('counts the networks that have not ended, and the addresses of each', async () => {
    const { deps, host } = await stage();
    const net = await host.pool({ pool: '10.1.0.0/24' });
    for (let i = 0; i < 20; i++) await host.address(net, '');
    const other = new Host(deps, 'b');
    await other.address(await other.pool({ pool: '10.1.0.0/24' }), '');
    await host.leave(await host.pool({ pool: '10.2.0.0/24' }));
    deps.world.advance(5_000);
    const view = (await viewHost(deps, 'a')) ?? assert.fail('the host is missing');
    assert.deepEqual([view.isInLease, view.silence, view.isAll], [true, 5_000, true]);
    assert.deepEqual(
      view.networks.map(({ cidr, addresses }) => [formatCidr(cidr), addresses]),
      [['10.1.0.0/24', { count: 20, isAll: true }]],
    );
  });

  it('is bounded, and says so', async () => {
    const { deps, host } = await stage();
    await host.pool({ pool: '10.0.0.0/12' });
    const { networks: [wide] = [] } = (await viewHost(deps, 'a')) ?? {};
    assert.equal(wide?.addresses.isAll, false);
    for (let i = 0; i < 70; i++) await host.pool();
    const view = await viewHost(deps, 'a');
    assert.deepEqual([view?.networks.length, view?.isAll], [64, false]);
  });

  it('returns nothing for an unknown host', async () => {
    assert.equal(await viewHost(fleet(), 'nobody'), undefined);
  });
});

describe('an operator who declares a host dead', () => {
  it('must override the lease while it runs, to the millisecond', async () => {
    const { deps, state } = await stage();
    deps.world.advance(LEASE_MS - 1);
    await refused(declareDead(deps, 'a', 'gone', false), 'host-state', /--override-lease/);
    assert.equal(state(), 'live');
    deps.world.advance(1);
    assert.equal(await declareDead(deps, 'a', 'gone', false), 'done');
    assert.equal(state(), 'dead');
  });

  it('may override the lease', async () => {
    const { deps, state } = await stage();
    assert.equal(await declareDead(deps, 'a', 'gone', true), 'done');
    assert.equal(state(), 'dead');
  });
});
