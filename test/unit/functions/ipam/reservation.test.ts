import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Host, network, refused, GATEWAY, withMac } from '../../../support/fleet.ts';

const MAC = '02:42:0a:01:00:05';

describe('gateways and other reservations', () => {
  it('are shared: every host that asks gets the same address', async () => {
    const { host, net, other } = await network();
    const theirs = await other.pool({ pool: '10.1.0.0/24' });
    for (const [one, pool] of [
      [host, net],
      [other, theirs],
    ] as const) {
      assert.equal(await one.address(pool, '', GATEWAY), '10.1.0.1');
      assert.equal(await one.address(pool, '10.1.0.9'), '10.1.0.9');
    }
    await refused(host.address(net, '10.1.0.9', withMac(MAC)), 'address-in-use', /reserved as a gateway or auxiliary/);
  });

  const choices = [
    [{}, '10.1.0.1'],
    [{ 'berth.gateway': 'last' }, '10.1.0.254'],
    [{ 'berth.gateway': '10.1.0.7' }, '10.1.0.7'],
    [{ 'berth.gateway': 'none' }, '10.1.0.1'],
  ] as const;
  for (const [options, gateway] of choices) {
    it(`are placed as ${JSON.stringify(options)} says`, async () => {
      const { host, net } = await network('10.1.0.0/24', { options });
      assert.equal(await host.address(net, '', GATEWAY), gateway);
    });
  }

  it('are kept even if dockerd does not request them', async () => {
    const { host, net } = await network('10.1.0.0/30');
    assert.equal(await host.address(net), '10.1.0.2');
    await refused(
      host.address(net),
      'no-address-left',
      /none of its 2 addresses is free \(1 held by host a; 1 reserved/,
    );
  });

  it('are not kept without a request under berth.gateway=none', async () => {
    const { host, net } = await network('10.1.0.0/30', { options: { 'berth.gateway': 'none' } });
    assert.deepEqual([await host.address(net), await host.address(net)].sort(), ['10.1.0.1', '10.1.0.2']);
  });

  it('free the default gateway when the gateway lies elsewhere', async () => {
    const { host, net } = await network('10.1.0.0/30');
    assert.equal(await host.address(net, '10.1.0.2', GATEWAY), '10.1.0.2');
    assert.equal(await host.address(net), '10.1.0.1');
  });

  it('keep the default gateway while another network needs it', async () => {
    const { host, net, other } = await network('10.1.0.0/29');
    const theirs = await other.pool({ pool: '10.1.0.0/29' });
    await host.address(net, '10.1.0.6', GATEWAY);
    await refused(host.address(net, '10.1.0.1', withMac(MAC)), 'address-in-use', /reserved/);
    assert.equal(await other.address(theirs, '', GATEWAY), '10.1.0.1');
  });

  it('are refused where an endpoint holds the address', async () => {
    const { host, net } = await network();
    await host.address(net, '10.1.0.9', withMac(MAC));
    await refused(host.address(net, '10.1.0.9'), 'address-in-use', /held by an endpoint \(MAC/);
    await refused(host.address(net, '10.1.0.9', GATEWAY), 'address-in-use', /held by an endpoint/);
  });

  it('of berth.reserve are given to no endpoint', async () => {
    const { host, net } = await network('10.1.0.0/29', { options: { 'berth.reserve': '10.1.0.2-10.1.0.4,10.1.0.6' } });
    assert.equal(await host.address(net), '10.1.0.5');
    await refused(
      host.address(net),
      'no-address-left',
      /none of its 6 addresses is free \(1 held by host a; 5 reserved/,
    );
  });

  it('of berth.reserve refuse the network when an endpoint holds the address, and leave nothing', async () => {
    const { deps, host, net } = await network();
    await host.address(net, '10.1.0.9', withMac(MAC));
    const wish = { pool: '10.1.0.0/24', options: { 'berth.reserve': '10.1.0.9' } };
    await refused(new Host(deps, 'b').pool(wish), 'address-in-use', /held by an endpoint/);
    assert.equal([...deps.store.refs.values()].filter(({ state }) => state === 'live').length, 1);
  });

  it('of berth.reserve are freed again when a later one is refused', async () => {
    const { deps, host, net } = await network();
    await host.address(net, '10.1.0.9', withMac(MAC));
    const wish = { pool: '10.1.0.0/24', options: { 'berth.reserve': '10.1.0.5-10.1.0.12' } };
    await refused(new Host(deps, 'b').pool(wish), 'address-in-use', /10\.1\.0\.9 is held/);
    assert.equal(await host.address(net, '10.1.0.6', withMac('02:42:0a:01:00:06')), '10.1.0.6');
  });

  it('of berth.reserve stay when the gateway moves off one of them', async () => {
    const { host, net } = await network('10.1.0.0/24', { options: { 'berth.reserve': '10.1.0.1' } });
    await host.address(net, '10.1.0.254', GATEWAY);
    await refused(host.address(net, '10.1.0.1', withMac(MAC)), 'address-in-use', /reserved/);
  });

  it('end with the last network that keeps the default gateway, while other networks have theirs elsewhere', async () => {
    const { host, net, other } = await network('10.1.0.0/29');
    await host.address(net, '10.1.0.6', GATEWAY);
    const theirs = await other.pool({ pool: '10.1.0.0/29' });
    await refused(host.address(net, '10.1.0.1', withMac(MAC)), 'address-in-use', /reserved/);
    await other.leave(theirs);
    assert.equal(await host.address(net, '10.1.0.1', withMac(MAC)), '10.1.0.1');
  });

  it('end with the last network that keeps them, while the pool lives on', async () => {
    const { deps, host, net } = await network();
    const [b, c] = [new Host(deps, 'b'), new Host(deps, 'c')];
    const nets = [await b.pool({ pool: '10.1.0.0/24' }), await c.pool({ pool: '10.1.0.0/24' })] as const;
    await b.address(nets[0], '10.1.0.9');
    await c.address(nets[1], '10.1.0.9');
    await b.leave(nets[0]);
    await refused(host.address(net, '10.1.0.9', withMac(MAC)), 'address-in-use', /reserved/);
    await c.leave(nets[1]);
    assert.equal(await host.address(net, '10.1.0.9', withMac(MAC)), '10.1.0.9');
  });

  it('look like a container on berth-ipvlan: a given address is exclusive there', async () => {
    const { deps, host, net } = await network('10.1.0.0/24', {}, 'berth-ipvlan');
    await host.address(net, '10.1.0.9');
    const other = new Host(deps, 'b', 'berth-ipvlan');
    const theirs = await other.pool({ pool: '10.1.0.0/24' });
    await refused(other.address(theirs, '10.1.0.9'), 'address-in-use', /held by an endpoint of host a/);
  });

  it('are shared on berth-ipvlan when berth.reserve lists them', async () => {
    const options = { 'berth.reserve': '10.1.0.9' };
    const { deps, host, net } = await network('10.1.0.0/24', { options }, 'berth-ipvlan');
    const other = new Host(deps, 'b', 'berth-ipvlan');
    const theirs = await other.pool({ pool: '10.1.0.0/24', options });
    assert.equal(await host.address(net, '10.1.0.9'), '10.1.0.9');
    assert.equal(await other.address(theirs, '10.1.0.9'), '10.1.0.9');
  });
});
