/** Hosts are on the LAN that their containers share: a host's own address is not given to any container. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Host, network, refused, lone, GATEWAY, withMac } from '../../support/fleet.ts';

const LAN = '10.1.0.0/28';
let macs = 0;
const container = () => withMac(`02:42:ac:13:0${macs >> 8}:${(macs++ & 255).toString(16).padStart(2, '0')}`);

/** All addresses that containers get until the pool is full. */
async function all(host: Host, net: { poolId: string; pool: string }): Promise<string[]> {
  const got: string[] = [];
  for (;;) {
    const address = await host.address(net, '', container()).catch(() => undefined);
    if (address === undefined) return got;
    got.push(address);
  }
}

describe("a host's own address", () => {
  it('is not given to any of its containers, even if one asks for it explicitly', async () => {
    const { host, net } = await network(LAN, { own: ['192.168.7.7', '10.1.0.5', '10.1.0.6'] });
    await refused(host.address(net, '10.1.0.5', container()), 'address-in-use', /10\.1\.0\.5 is reserved/);
    const got = await all(host, net);
    assert.equal(got.length, 11);
    assert.ok(!got.includes('10.1.0.5') && !got.includes('10.1.0.6'));
  });

  it("is not given to another host's containers, even where their network was there first", async () => {
    const { host, net, other } = await network(LAN, { own: ['10.1.0.5'] });
    const theirs = await other.pool({ pool: LAN, own: ['10.1.0.6'] });
    await refused(host.address(net, '10.1.0.6', container()), 'address-in-use', /reserved/);
    await refused(other.address(theirs, '10.1.0.5', container()), 'address-in-use', /reserved/);
    assert.equal((await all(other, theirs)).length, 11);
  });

  it('is not given to a container if it is an IPv6 address either', async () => {
    const { host, net } = await network('fd00:1::/64', { own: ['10.1.0.5', 'fd00:1::5'] });
    await refused(host.address(net, 'fd00:1::5', container()), 'address-in-use', /reserved/);
  });

  it('may be the gateway or an auxiliary address of its network', async () => {
    const { host, net } = await network(LAN, { own: ['10.1.0.1', '10.1.0.5', '10.1.0.6'] });
    assert.equal(await host.address(net, '10.1.0.5', GATEWAY), '10.1.0.5');
    assert.equal(await host.address(net, '10.1.0.6'), '10.1.0.6');
  });

  it('can be given to any container once the host has no network there', async () => {
    const { host, net, other } = await network(LAN);
    const theirs = await other.pool({ pool: LAN, own: ['10.1.0.5'] });
    await refused(host.address(net, '10.1.0.5', container()), 'address-in-use', /reserved/);
    await other.leave(theirs);
    assert.equal(await host.address(net, '10.1.0.5', container()), '10.1.0.5');
  });

  it('stays with the container that has it already, and does not prevent a new network', async () => {
    const { deps, host, net } = await network(LAN);
    await host.address(net, '10.1.0.5', container());
    await new Host(deps, 'b').pool({ pool: LAN, own: ['10.1.0.5'] });
    assert.equal(await host.release(net, '10.1.0.5'), 'freed');
  });
});

describe('a host that reports a whole pool as its own addresses', () => {
  it('keeps only sixteen addresses of it', async () => {
    const { deps, host: liar } = lone('liar');
    const own = Array.from({ length: 200 }, (_, i) => `10.1.0.${i + 2}`);
    await liar.pool({ pool: '10.1.0.0/24', own });
    const host = new Host(deps, 'a');
    const got = await all(host, await host.pool({ pool: '10.1.0.0/24' }));
    assert.equal(got.length, 254 - 1 - 16);
  });
});
