/** One network asks for one address twice. As in Docker's own allocator, only different networks share a reservation. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { network, refused, GATEWAY } from '../../support/fleet.ts';

const TWICE = /^Address already in use: 10\.1\.0\.\d+ is already the gateway or an auxiliary address of this network/;

describe('an auxiliary address', () => {
  it("that is the network's own gateway is refused", async () => {
    const { host, net } = await network();
    assert.equal(await host.address(net, '', GATEWAY), '10.1.0.1');
    await refused(host.address(net, '10.1.0.1'), 'address-in-use', TWICE);
  });

  it("that is the network's own gateway is refused even if another network shares that gateway", async () => {
    const { host, net, other } = await network();
    await host.address(net, '', GATEWAY);
    await other.address(await other.pool({ pool: '10.1.0.0/24' }), '', GATEWAY);
    await refused(host.address(net, '10.1.0.1'), 'address-in-use', TWICE);
  });

  it("that is the network's own gateway is refused with an --ip-range too", async () => {
    const { host, net } = await network('10.1.0.0/24', { subPool: '10.1.0.128/25' });
    await host.address(net, '', GATEWAY);
    await refused(host.address(net, '10.1.0.1'), 'address-in-use', TWICE);
  });

  it('that is a gateway given by --gateway is refused', async () => {
    const { host, net } = await network();
    await host.address(net, '10.1.0.254', GATEWAY);
    await refused(host.address(net, '10.1.0.254'), 'address-in-use', TWICE);
    assert.equal(await host.address(net, '10.1.0.1'), '10.1.0.1', 'no network keeps the default gateway any more');
  });

  it('cannot be reserved twice by one network', async () => {
    const { host, net } = await network();
    assert.equal(await host.address(net, '10.1.0.9'), '10.1.0.9');
    await refused(host.address(net, '10.1.0.9'), 'address-in-use', TWICE);
  });

  it('cannot be reserved twice by one network, although berth.reserve lists it', async () => {
    const { host, net } = await network('10.1.0.0/24', { options: { 'berth.reserve': '10.1.0.8-10.1.0.9' } });
    assert.equal(await host.address(net, '10.1.0.9'), '10.1.0.9');
    await refused(host.address(net, '10.1.0.9'), 'address-in-use', TWICE);
  });

  it('may be the router where dockerd does not ask for a gateway, as engine 29 on macvlan', async () => {
    const { host, net } = await network();
    assert.equal(await host.address(net, '10.1.0.1'), '10.1.0.1');
  });

  it('is granted to each attempt of the same request', async () => {
    const { host, net, other } = await network();
    const call = host.call();
    assert.equal(await host.address(net, '10.1.0.9', {}, call), '10.1.0.9');
    await other.address(await other.pool({ pool: '10.1.0.0/24' }), '10.1.0.9');
    assert.equal(await host.address(net, '10.1.0.9', {}, { ...call, attempt: 2 }), '10.1.0.9');
  });
});

describe('a container of engine 28 on berth-ipvlan', () => {
  it("cannot get its network's gateway with --ip, which looks like an auxiliary address there", async () => {
    const { host, net } = await network('10.1.0.0/24', {}, 'berth-ipvlan');
    await host.address(net, '', GATEWAY);
    await refused(host.address(net, '10.1.0.1'), 'address-in-use', TWICE);
  });
});
