import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ANNOUNCEMENT_TIMEOUT_MS } from '../../../../functions/ipam/pool.ts';
import { type Range, cidrRange, overlap } from '../../../../protocol/address.ts';
import { cidr } from '../../../support/addresses.ts';
import { Host, fleet, refused, lone, pair, GATEWAY } from '../../../support/fleet.ts';

const range = (text: string): Range => cidrRange(cidr(text));

function small(prefix: string, size: number) {
  const deps = fleet();
  deps.store.spaces.set('default', { settings: { ranges: [cidr(prefix)], size4: size }, rev: 'r1' });
  return deps;
}

describe('a given pool', () => {
  const cases = [
    { name: 'is granted as asked', pool: '10.1.0.0/24', granted: '10.1.0.0/24' },
    { name: 'loses its host bits', pool: '10.1.0.77/24', granted: '10.1.0.0/24' },
    { name: 'may be a /32', pool: '10.1.0.1/32', granted: '10.1.0.1/32' },
    { name: 'may be IPv6, whatever the flag says', pool: 'FD00:0:0::/64', granted: 'fd00::/64' },
  ];
  for (const { name, pool, granted } of cases) {
    it(name, async () => {
      assert.equal((await new Host(fleet(), 'a').pool({ pool })).pool, granted);
    });
  }

  const bad = [
    ['no CIDR', { pool: '10.1.0.0' }, /invalid address pool: "10.1.0.0" is not a CIDR/],
    ['nonsense', { pool: 'x/24' }, /invalid address pool/],
    ['a prefix that is too long', { pool: '10.1.0.0/33' }, /invalid address pool/],
    [
      'all of IPv6, written with another address',
      { pool: 'f656::/0' },
      /"f656::\/0" is ::\/0, which no network can have/,
    ],
    ['a pool at 0.0.0.0', { pool: '0.1.0.0/8' }, /is 0\.0\.0\.0\/8, which no network can have/],
    ['a subpool without a pool', { subPool: '10.1.0.0/25' }, /--ip-range needs a --subnet/],
    ['a subpool outside the pool', { pool: '10.1.0.0/24', subPool: '10.2.0.0/25' }, /not within 10.1.0.0\/24/],
    ['a subpool of the other family', { pool: '10.1.0.0/24', subPool: 'fd00::/80' }, /incompatible address families/],
    ['a bad space', { space: 'a#b' }, /invalid address space: "a#b"/],
    [
      'an unknown option',
      { options: { 'berth.colour': 'red' } },
      /unknown option berth.colour; the options are berth.space/,
    ],
    ['a name together with a subnet', { pool: '10.1.0.0/24', options: { 'berth.name': 'x' } }, /leave out --subnet/],
    ['a gateway outside the pool', { pool: '10.1.0.0/24', options: { 'berth.gateway': '10.2.0.1' } }, /lies outside/],
    [
      'a reservation outside the pool',
      { pool: '10.1.0.0/24', options: { 'berth.reserve': '10.2.0.1' } },
      /lies outside the pool/,
    ],
  ] as const;
  for (const [name, wish, words] of bad) {
    it(`refuses ${name} and changes nothing`, async () => {
      const deps = fleet();
      await refused(new Host(deps, 'a').pool(wish), 'invalid-request', words);
      assert.equal(deps.store.pools.size + deps.store.refs.size + deps.store.chunks.size, 0);
    });
  }

  it('is shared by hosts that request the same, and lives until the last has left', async () => {
    const deps = fleet();
    const hosts = ['a', 'b', 'c'].map((id) => new Host(deps, id));
    const pools = await Promise.all(hosts.map((host) => host.pool({ pool: '10.1.0.0/24' })));
    assert.equal(new Set(pools.map(({ poolId }) => poolId)).size, 3);
    const [pool] = deps.store.pools.values();
    for (const [i, host] of hosts.entries()) {
      assert.equal([...deps.store.pools.values()][0]?.generation, pool?.generation);
      await host.leave(pools[i] ?? assert.fail());
    }
    assert.equal(deps.store.pools.size, 0);
  });

  it('starts a new life, with addresses of its own, after the last has left', async () => {
    const { host } = lone();
    const first = await host.pool({ pool: '10.1.0.0/30' });
    await host.address(first, '', GATEWAY);
    await host.address(first);
    await host.leave(first);
    const second = await host.pool({ pool: '10.1.0.0/30' });
    assert.equal(await host.address(second), '10.1.0.2');
    await refused(host.address(first), 'pool-gone', /was released; remove the network/);
  });

  it('may be released repeatedly', async () => {
    const { one, other: two } = pair();
    const mine = await one.pool({ pool: '10.1.0.0/24' });
    const theirs = await two.pool({ pool: '10.1.0.0/24' });
    await one.leave(mine);
    await one.leave(mine);
    assert.match(await two.address(theirs), /^10\.1\.0\./);
  });

  const overlaps = ['10.1.0.0/16', '10.1.2.0/23', '10.1.2.128/25', '10.0.0.0/8'];
  for (const pool of overlaps) {
    it(`is refused as ${pool} when 10.1.2.0/24 exists`, async () => {
      const deps = fleet();
      await new Host(deps, 'first').pool({ pool: '10.1.2.0/24' });
      const words =
        /^Pool overlaps with other one on this address space: 10.1.2.0\/24 \(space default, created by host first\)/;
      await refused(new Host(deps, 'b').pool({ pool }), 'pool-overlap', words);
      assert.equal(deps.store.pools.size, 1);
    });
  }

  it('may overlap a pool of another space', async () => {
    const host = new Host(fleet(), 'a');
    await host.pool({ pool: '10.1.0.0/24' });
    assert.equal((await host.pool({ pool: '10.1.0.0/16', space: 'other' })).pool, '10.1.0.0/16');
    assert.equal((await host.pool({ pool: '10.1.0.0/8', options: { 'berth.space': 'third' } })).pool, '10.0.0.0/8');
  });

  it('never overlaps another, whichever call is fastest', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const deps = fleet(seed);
      const wishes = ['10.1.0.0/24', '10.1.0.0/16', '10.1.0.128/25', '10.0.0.0/8', '10.1.1.0/24', '10.1.0.0/24'];
      await Promise.allSettled(wishes.map((pool, i) => new Host(deps, `h${i}`).pool({ pool })));
      const confirmed = [...deps.store.pools.values()];
      assert.ok(confirmed.length > 0);
      assert.ok(confirmed.every(({ state }) => state === 'confirmed'));
      for (const a of confirmed) for (const b of confirmed) assert.ok(a === b || !overlap(a.cidr, b.cidr));
    }
  });

  it('clears an abandoned announcement, of the same pool or of one that overlaps', async () => {
    const deps = fleet();
    const abandoned = { space: 'default', createdBy: 'dead', gateway: undefined, cooldown: 1, exclusive: false };
    const announcedAt = deps.world.now();
    await deps.store.announcePool({ ...abandoned, announcedAt, cidr: cidr('10.1.0.0/24') });
    await deps.store.announcePool({ ...abandoned, announcedAt, cidr: cidr('10.1.4.0/24') });
    const host = new Host(deps, 'a');
    assert.equal((await host.pool({ pool: '10.1.0.0/24' })).pool, '10.1.0.0/24');
    assert.ok(deps.world.now() > announcedAt + ANNOUNCEMENT_TIMEOUT_MS);
    assert.equal((await host.pool({ pool: '10.1.4.0/22' })).pool, '10.1.4.0/22');
  });

  it('fails with a clear error when an older announcement stays for the whole call', async () => {
    const deps = fleet();
    const older = { space: 'default', createdBy: 'older', gateway: undefined, cooldown: 1, exclusive: false };
    await deps.store.announcePool({ ...older, announcedAt: deps.world.now(), cidr: cidr('10.1.0.0/16') });
    const host = new Host(deps, 'a');
    const call = host.call({ deadline: deps.world.now() + 1_000 });
    await refused(host.pool({ pool: '10.1.0.0/24' }, call), 'busy', /is being created or removed by others/);
    assert.equal(deps.store.pools.size, 1);
  });
});

describe('the terms of a shared pool', () => {
  const terms = [
    [{ 'berth.cooldown': '10s' }, /berth.cooldown contradicts .* has 30000ms, this network asks for 10000ms/],
    [{ 'berth.gateway': 'last' }, /berth.gateway contradicts .* has 10.1.0.1, this network asks for 10.1.0.254/],
    [{ 'berth.gateway': 'none' }, /has 10.1.0.1, this network asks for none/],
  ] as const;
  for (const [options, words] of terms) {
    it(`are set by the first host: ${JSON.stringify(options)} is refused`, async () => {
      const deps = fleet();
      await new Host(deps, 'a').pool({ pool: '10.1.0.0/24' });
      await refused(new Host(deps, 'b').pool({ pool: '10.1.0.0/24', options }), 'pool-overlap', words);
      assert.equal(deps.store.refs.size, 1);
    });
  }

  it('are adopted by a host that names none', async () => {
    const deps = fleet();
    const options = { 'berth.gateway': 'last', 'berth.cooldown': '5s' };
    await new Host(deps, 'a').pool({ pool: '10.1.0.0/24', options });
    const host = new Host(deps, 'b');
    assert.equal(await host.address(await host.pool({ pool: '10.1.0.0/24' }), '', GATEWAY), '10.1.0.254');
  });

  for (const [first, second] of [
    [true, false],
    [false, true],
  ] as const) {
    it(`keep an exclusive pool to one network (${first ? 'the first' : 'the second'} asks for it)`, async () => {
      const deps = fleet();
      const options = (exclusive: boolean) => (exclusive ? { 'berth.exclusive': 'true' } : {});
      await new Host(deps, 'a').pool({ pool: '10.1.0.0/24', options: options(first) });
      const join = new Host(deps, 'b').pool({ pool: '10.1.0.0/24', options: options(second) });
      await refused(join, 'pool-overlap', /^Pool overlaps with other one on this address space/);
    });
  }
});

describe('an automatic pool', () => {
  it('has the size and a range of the space', async () => {
    const host = new Host(fleet(), 'a');
    const [v4, v6] = [await host.pool(), await host.pool({ v6: true })];
    assert.ok(overlap(cidr(v4.pool), cidr('10.192.0.0/10')) && v4.pool.endsWith('/24'));
    assert.ok(overlap(cidr(v6.pool), cidr('fdbe:5274:6800::/48')) && v6.pool.endsWith('/64'));
  });

  const sizes = [
    ['0.0.0.0/26', false, {}, '/26'],
    ['::/72', true, {}, '/72'],
    ['', false, { 'berth.size': '28' }, '/28'],
    ['', true, { 'berth.size': '28' }, '/64'],
    ['', true, { 'berth.size': '28,80' }, '/80'],
    ['0.0.0.0/0', false, {}, '/24'],
  ] as const;
  for (const [pool, v6, options, size] of sizes) {
    it(`of Pool "${pool}" and ${JSON.stringify(options)} has ${size}`, async () => {
      assert.ok((await new Host(fleet(), 'a').pool({ pool, v6, options })).pool.endsWith(size));
    });
  }

  it('is a different one each time, even for equal requests', async () => {
    const deps = small('10.0.0.0/16', 24);
    const hosts = Array.from({ length: 16 }, (_, i) => new Host(deps, `h${i}`));
    const pools = await Promise.all(hosts.flatMap((host) => Array.from({ length: 16 }, () => host.pool())));
    assert.equal(new Set(pools.map(({ pool }) => pool)).size, 256);
    const words =
      /^all predefined address pools have been fully subnetted: no \/24 is free in 10.0.0.0\/16 .*256 pools held, created 16 by h\d+/;
    await refused(new Host(deps, 'late').pool(), 'no-pool-left', words);
  });

  it('is found up to the last subnet, and again once one is free', async () => {
    const deps = small('10.0.0.0/28', 30);
    const host = new Host(deps, 'a');
    const pools = [await host.pool(), await host.pool(), await host.pool(), await host.pool()];
    await refused(host.pool(), 'no-pool-left', /fully subnetted/);
    await host.leave(pools[2] ?? assert.fail());
    assert.equal((await host.pool()).pool, pools[2]?.pool);
  });

  it('avoids what the host reaches, what the space excludes, and existing pools', async () => {
    const deps = small('10.0.0.0/22', 24);
    const seen = deps.store.spaces.get('default') ?? assert.fail();
    await deps.store.writeSpace('default', { ...seen.settings, excluded: [cidr('10.0.1.0/25')] }, seen);
    const host = new Host(deps, 'a');
    await host.pool({ pool: '10.0.2.0/30' });
    assert.equal((await host.pool({ avoid: [range('10.0.0.0/25'), range('fd00::/8')] })).pool, '10.0.3.0/24');
    await refused(host.pool({ avoid: [range('10.0.0.53/32')] }), 'no-pool-left', /fully subnetted/);
  });

  it('is found in the place of an abandoned announcement', async () => {
    const deps = small('10.0.0.0/24', 24);
    const abandoned = { space: 'default', createdBy: 'dead', gateway: undefined, cooldown: 1, exclusive: false };
    await deps.store.announcePool({ ...abandoned, announcedAt: deps.world.now(), cidr: cidr('10.0.0.0/24') });
    assert.equal((await new Host(deps, 'a').pool()).pool, '10.0.0.0/24');
  });

  it('is refused when no range of the space is that wide', async () => {
    await refused(new Host(fleet(), 'a').pool({ pool: '0.0.0.0/8' }), 'no-pool-left', /no IPv4 range for a \/8/);
  });

  it('of a name is refused to a host that reaches its subnet already, which dockerd would request forever', async () => {
    const deps = fleet();
    const options = { 'berth.name': 'ci' };
    const { pool } = await new Host(deps, 'a').pool({ options });
    const again = new Host(deps, 'b').pool({ options, avoid: [range(pool)] });
    await refused(
      again,
      'pool-overlap',
      /the pool of berth.name=ci, 10\..* overlaps a route or a name server of this host/,
    );
  });

  it('of a name refuses reservations outside it, also to a host that joins', async () => {
    const deps = fleet();
    await new Host(deps, 'a').pool({ options: { 'berth.name': 'ci' } });
    const wish = { options: { 'berth.name': 'ci', 'berth.reserve': '1.2.3.4' } };
    await refused(new Host(deps, 'b').pool(wish), 'invalid-request', /1\.2\.3\.4 lies outside the pool/);
  });

  it('of a name is shared by hosts that request the same name', async () => {
    const deps = fleet();
    const options = { 'berth.name': 'ci' };
    const hosts = Array.from({ length: 8 }, (_, i) => new Host(deps, `h${i}`));
    const pools = await Promise.all(hosts.map((host) => host.pool({ options })));
    assert.equal(new Set(pools.map(({ pool }) => pool)).size, 1);
    assert.equal(deps.store.pools.size, 1);
    await refused(new Host(deps, 'b').pool({ pool: '0.0.0.0/30', options }), 'invalid-request', /contradicts the pool/);
    for (const [i, host] of hosts.entries()) await host.leave(pools[i] ?? assert.fail());
    assert.equal(deps.store.pools.size, 0);
    const [again] = [await new Host(deps, 'b').pool({ options })];
    assert.equal(deps.store.pools.size, 1);
    assert.ok(again.pool.endsWith('/24'));
  });
});
