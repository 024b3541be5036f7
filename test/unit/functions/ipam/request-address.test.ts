import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Host, fleet, network, refused, GATEWAY, named, withMac } from '../../../support/fleet.ts';

const MAC = '02:42:0a:01:00:05';

describe('any address', () => {
  it('lies in the pool, is not its network, broadcast or gateway address, and is never given twice', async () => {
    const { host, net } = await network('10.1.0.0/28');
    const got = await Promise.all(Array.from({ length: 13 }, () => host.address(net)));
    const expected = Array.from({ length: 13 }, (_, i) => `10.1.0.${i + 2}`);
    assert.deepEqual(
      got.sort((a, b) => Number(a.slice(7)) - Number(b.slice(7))),
      expected,
    );
    const words =
      /^no available addresses on this pool \(10.1.0.0\/28\): none of its 14 addresses is free \(13 held by/;
    await refused(host.address(net), 'no-address-left', words);
  });

  const sizes = [
    ['10.1.0.0/30', 1],
    ['10.1.0.0/31', 2],
    ['10.1.0.7/32', 1],
    ['fd00::/126', 2],
    ['fd00::/127', 1],
    ['fd00::/128', 0],
  ] as const;
  for (const [pool, count] of sizes) {
    it(`is granted ${count} times in ${pool}`, async () => {
      const { host, net } = await network(pool);
      const got = await Promise.all(Array.from({ length: count }, () => host.address(net)));
      assert.equal(new Set(got).size, count);
      await refused(host.address(net), 'no-address-left', /^no available addresses on this pool/);
    });
  }

  it('comes from the sub-pool alone, with the prefix length of the pool', async () => {
    const { host, net } = await network('10.1.0.0/24', { subPool: '10.1.0.64/30' });
    const got = await Promise.all(Array.from({ length: 4 }, () => host.address(net)));
    assert.deepEqual(got.sort(), ['10.1.0.64', '10.1.0.65', '10.1.0.66', '10.1.0.67']);
    await refused(host.address(net), 'no-address-left', /\(10.1.0.0\/24, range 10.1.0.64\/30\)/);
    assert.equal(await host.address(net, '10.1.0.200', withMac(MAC)), '10.1.0.200');
  });

  it('is the lowest free address in a serial pool', async () => {
    const { host, net } = await network('10.1.0.0/24', { options: { 'berth.order': 'serial' } });
    const got = [];
    for (let i = 0; i < 40; i++) got.push(await host.address(net));
    assert.deepEqual(
      got,
      Array.from({ length: 40 }, (_, i) => `10.1.0.${i + 2}`),
    );
  });

  it('is found up to the last one in a pool of many chunks, by independent hosts', async () => {
    const deps = fleet();
    const hosts = Array.from({ length: 20 }, (_, i) => new Host(deps, `h${i}`));
    const nets = await Promise.all(hosts.map((host) => host.pool({ pool: '10.1.0.0/22' })));
    const ask = (i: number) => (hosts[i % 20] ?? assert.fail()).address(nets[i % 20] ?? assert.fail());
    const got = await Promise.all(Array.from({ length: 1021 }, (_, i) => ask(i)));
    assert.equal(new Set(got).size, 1021);
    await refused(ask(0), 'no-address-left', /none of its 1022 addresses is free \(1021 held/);
  });

  it('is near the others of its host in an IPv6 pool, spread over a group of chunks', async () => {
    const { deps, host, net } = await network('fd00::/64');
    for (let i = 0; i < 50; i++) await host.address(net);
    assert.ok(deps.store.chunks.size > 20 && deps.store.chunks.size <= 64);
  });

  for (const [what, options] of [
    ['name', named('web')],
    ['MAC', withMac(MAC)],
  ] as const) {
    it(`is the same when the endpoint of that ${what} starts again`, async () => {
      const { host, net } = await network();
      const first = await host.address(net, '', options);
      await host.release(net, first);
      assert.equal(await host.address(net, '', options), first);
    });
  }

  it('is another for an endpoint of the same name on another host', async () => {
    const { host, net, other } = await network();
    const theirs = await other.address(await other.pool({ pool: '10.1.0.0/24' }), '', named('web'));
    assert.notEqual(await host.address(net, '', named('web')), theirs);
  });

  it('rests before another endpoint gets it, while other addresses are free', async () => {
    const { deps, host, net } = await network('10.1.0.0/29');
    const freed = await host.address(net, '', named('one'));
    await host.release(net, freed);
    const others = await Promise.all(['a', 'b', 'c', 'd'].map((name) => host.address(net, '', named(name))));
    assert.ok(!others.includes(freed));
    assert.equal(others.length, 4);
    // Nothing else is left: it is given out early, but not within the time that two functions' clocks can differ by.
    const released = deps.world.now();
    assert.equal(await host.address(net, '', named('last')), freed);
    assert.equal(deps.world.now() - released, 2_000);
  });

  it('is available to any endpoint once it has cooled down', async () => {
    const { deps, host, net } = await network('10.1.0.7/32');
    const one = await host.address(net, '', named('one'));
    await host.release(net, one);
    const before = deps.world.now();
    deps.world.advance(30_001);
    await host.address(net, '', named('two'));
    assert.equal(deps.world.now(), before + 30_001);
  });

  it('is the same when the call is repeated', async () => {
    const { host, net } = await network();
    const call = host.call();
    const first = await host.address(net, '', {}, call);
    assert.equal(await host.address(net, '', {}, { ...call, attempt: 2 }), first);
  });

  it('is the same when a call whose preferred address was taken is repeated', async () => {
    const { host, net } = await network('10.1.0.0/28');
    const calls = Array.from({ length: 10 }, () => host.call());
    const got = await Promise.all(calls.map((call) => host.address(net, '', {}, call)));
    const again = await Promise.all(calls.map((call) => host.address(net, '', {}, { ...call, attempt: 2 })));
    assert.deepEqual(again, got);
  });

  it('is not taken back by a late duplicate of the request after its release', async () => {
    const { deps, host, net } = await network();
    const call = host.call();
    const first = await host.address(net, '', named('web'), call);
    await host.release(net, first);
    await host.address(net, '', named('web'), call);
    const slots = [...deps.store.chunks.values()].flatMap((chunk) =>
      chunk.slots.filter((slot) => slot?.startsWith('F')),
    );
    assert.equal(slots.length, 1);
  });
});

describe('a given address', () => {
  it('is granted once, and the error for others says who holds it', async () => {
    const { host, net, other } = await network();
    assert.equal(await host.address(net, '10.1.0.5', { ...withMac(MAC), ...named('web-1') }), '10.1.0.5');
    const theirs = await other.pool({ pool: '10.1.0.0/24' });
    const words =
      /^Address already in use: 10.1.0.5 is held by endpoint web-1 \(MAC 02:42:0a:01:00:05\) of host a since 2026-01-01T/;
    await refused(other.address(theirs, '10.1.0.5', withMac('02:42:0a:01:00:06')), 'address-in-use', words);
  });

  it('is granted at once right after its release', async () => {
    const { host, net, other } = await network();
    await host.address(net, '10.1.0.5', withMac(MAC));
    await host.release(net, '10.1.0.5');
    assert.equal(await other.address(await other.pool({ pool: '10.1.0.0/24' }), '10.1.0.5', named('x')), '10.1.0.5');
  });

  it('is not taken back by a late duplicate of the request after its release', async () => {
    const { host, net } = await network();
    const call = host.call();
    await host.address(net, '10.1.0.5', withMac(MAC), call);
    await host.release(net, '10.1.0.5');
    await refused(host.address(net, '10.1.0.5', withMac(MAC), call), 'busy', /was released in the meantime/);
  });

  const bad = [
    ['10.2.0.5', 'out-of-range', /^requested address is out of range: 10.2.0.5 is not in 10.1.0.0\/24/],
    ['fd00::1', 'out-of-range', /out of range/],
    ['10.1.0.0', 'address-in-use', /^Address already in use: 10.1.0.0 is the network address of/],
    ['10.1.0.255', 'address-in-use', /is the broadcast address of/],
    ['10.1.0.x', 'invalid-request', /^invalid address: "10.1.0.x"/],
  ] as const;
  for (const [address, code, words] of bad) {
    it(`is refused if it is ${address}`, async () => {
      const { host, net } = await network();
      await refused(host.address(net, address, withMac(MAC)), code, words);
    });
  }

  it('is refused with a bad MAC', async () => {
    const { host, net } = await network();
    await refused(host.address(net, '', withMac('no')), 'invalid-request', /^invalid MAC address: "no"/);
  });
});

describe('a request on a network that may take no address', () => {
  it('is refused after its release, and the claim is undone', async () => {
    const { deps, host, net, other } = await network();
    await other.pool({ pool: '10.1.0.0/24' });
    await host.leave(net);
    await refused(host.address(net), 'pool-gone', /was released/);
    const leased = [...deps.store.chunks.values()].flatMap(({ slots }) =>
      slots.filter((slot) => slot?.startsWith('L')),
    );
    assert.deepEqual(leased, []);
  });

  it('is refused in a fenced epoch, and the claim is undone', async () => {
    const { deps, host, net } = await network();
    await refused(host.address(net, '', {}, host.call({ epoch: 2 })), 'host-fenced', /was silent for too long/);
    await refused(host.address(net, '', GATEWAY, host.call({ epoch: 2 })), 'host-fenced', /was silent/);
    const leased = [...deps.store.chunks.values()].flatMap(({ slots }) =>
      slots.filter((slot) => slot?.startsWith('L')),
    );
    assert.deepEqual(leased, []);
  });

  it('is refused when the network belongs to another host', async () => {
    const { net, other: thief } = await network();
    await refused(thief.address(net), 'foreign-pool', /belongs to another host, not to b/);
    await refused(thief.leave(net), 'foreign-pool', /belongs to another host/);
    await refused(thief.release(net, '10.1.0.5'), 'foreign-pool', /belongs to another host/);
  });
});

describe('a release', () => {
  it('frees the lease of its own network, once', async () => {
    const { host, net } = await network();
    const address = await host.address(net);
    assert.equal(await host.release(net, address), 'freed');
    assert.equal(await host.release(net, address), 'nothing');
  });

  it("frees no other host's lease", async () => {
    const { host, net, other } = await network();
    await host.address(net, '10.1.0.5', withMac(MAC));
    const late = host.call();
    await host.release(net, '10.1.0.5');
    const theirs = await other.pool({ pool: '10.1.0.0/24' });
    await other.address(theirs, '10.1.0.5', withMac(MAC));
    assert.equal(await host.release(net, '10.1.0.5', late), 'nothing');
    await refused(host.address(net, '10.1.0.5', withMac(MAC)), 'address-in-use', /of host b/);
  });

  it('that is late does not free a newer lease of the same network', async () => {
    const { host, net } = await network();
    await host.address(net, '10.1.0.5', withMac(MAC));
    const late = host.call();
    await host.release(net, '10.1.0.5');
    await host.address(net, '10.1.0.5', withMac(MAC));
    assert.equal(await host.release(net, '10.1.0.5', late), 'later-lease');
    assert.equal(await host.release(net, '10.1.0.5'), 'freed');
  });

  it('leaves a gateway reserved, since that lasts as long as its network', async () => {
    const { host, net } = await network();
    await host.address(net, '', GATEWAY);
    assert.equal(await host.release(net, '10.1.0.1'), 'nothing');
    await refused(host.address(net, '10.1.0.1', withMac(MAC)), 'address-in-use', /reserved/);
  });

  it('is refused for an address that is not in the pool', async () => {
    const { host, net } = await network();
    await refused(host.release(net, '10.2.0.5'), 'out-of-range', /10.2.0.5 is not an address of 10.1.0.0\/24/);
    await refused(host.release(net, ''), 'invalid-request', /^invalid address: ""/);
  });
});
