/** A copy of a request whose signature is still valid gets the same answer and changes nothing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GATEWAY, MAC } from '../../support/fleet.ts';
import { type Path, type Signed, callHeaders, sign } from './support/requests.ts';
import { VICTIM, errorOf, granted, held, stage, useStage } from './support/stage.ts';

useStage();

const signed = (path: Path, message: object): Signed =>
  sign({ path, message, headers: callHeaders(VICTIM) }, { key: stage.keys.victim });

/** Sends a request several times. @returns the answer, which is the same each time. */
async function replayed(request: Signed): Promise<Readonly<Record<string, unknown>>> {
  const first = granted(await stage.send(request));
  for (let times = 0; times < 3; times++) assert.deepEqual(granted((await stage.attack(request)).answer), first);
  return first;
}

const endpoint = (last: string) => ({ 'com.docker.network.endpoint.macaddress': `02:42:ac:11:00:${last}` });
const pool = (Pool: string, Options: object | null = null) => ({ AddressSpace: 'default', Pool, Options });

describe('a copy of a request', () => {
  it('(RequestPool for any subnet) gets the same network, whichever subnet was drawn', async () => {
    const networks = new Set<unknown>();
    for (let i = 0; i < 8; i++) networks.add((await replayed(signed('/IpamDriver.RequestPool', pool(''))))['PoolID']);
    assert.equal(networks.size, 8);
    // In a space with room for eight, most draws hit an existing pool.
    const tiny = { 'berth.space': 'tiny', 'berth.size': '29' };
    await stage.cloud.configure({ ranges: ['10.200.0.0/26'] }, 'tiny');
    const few = new Set<unknown>();
    for (let i = 0; i < 8; i++) few.add((await replayed(signed('/IpamDriver.RequestPool', pool('', tiny))))['Pool']);
    assert.equal(few.size, 8);
  });

  for (const [what, message] of [
    ['a new subnet', pool('10.2.0.0/24')],
    ['a subnet that is shared', pool('10.1.0.0/24')],
    ['a subnet with reservations', pool('10.3.0.0/24', { 'berth.reserve': '10.3.0.9,10.3.0.20-10.3.0.30' })],
    ['a named pool', pool('', { 'berth.name': 'blue' })],
    ['a named pool that exists', pool('', { 'berth.name': 'blue' })],
    ['an IPv6 subnet', { ...pool('fd00:1::/64'), V6: true }],
  ] as const) {
    it(`(RequestPool for ${what}) gets the same network`, async () => {
      await replayed(signed('/IpamDriver.RequestPool', message));
    });
  }

  for (const [what, Address, Options] of [
    ['any address', '', endpoint('03')],
    ['a given address', '10.1.0.77', endpoint('04')],
    ['an auxiliary address', '10.1.0.78', {}],
    ['the gateway', '', GATEWAY],
  ] as const) {
    it(`(RequestAddress for ${what}) gets the same address`, async () => {
      await replayed(signed('/IpamDriver.RequestAddress', { PoolID: held.poolId, Address, Options }));
    });
  }

  it('(ReleaseAddress) frees nothing that was leased since', async () => {
    const wish = { PoolID: held.poolId, Address: '10.1.0.50', Options: endpoint('05') };
    granted(await stage.send(signed('/IpamDriver.RequestAddress', wish)));
    const release = signed('/IpamDriver.ReleaseAddress', { PoolID: held.poolId, Address: '10.1.0.50' });
    await replayed(release);
    granted(await stage.send(signed('/IpamDriver.RequestAddress', wish)));
    assert.deepEqual(granted((await stage.attack(release)).answer), {});
  });

  it('(ReleasePool) ends nothing more', async () => {
    const { PoolID } = granted(await stage.send(signed('/IpamDriver.RequestPool', pool('10.4.0.0/24'))));
    const release = signed('/IpamDriver.ReleasePool', { PoolID });
    await replayed(release);
    granted(await stage.send(signed('/IpamDriver.RequestPool', pool('10.4.0.0/24'))));
    assert.deepEqual(granted((await stage.attack(release)).answer), {});
  });

  it('(a settlement) undoes nothing more', async () => {
    const asked = signed('/IpamDriver.RequestAddress', { PoolID: held.poolId, Address: '', Options: endpoint('06') });
    granted(await stage.send(asked));
    const Request = { PoolID: held.poolId, Address: '', Options: endpoint('06') };
    const RequestKey = asked.headers['berth-request'];
    await replayed(signed('/Berth.Settle', { Method: 'RequestAddress', RequestKey, Request, Keep: null }));
  });

  it('(a registration) changes only the time at which the host was last seen', async () => {
    const register = signed('/Berth.Register', {
      Incarnation: `nonce-${VICTIM}`,
      Proposed: 'nonce-of-2',
      ShimVersion: '1',
    });
    const told = granted(await stage.send(register));
    const before = await stage.cloud.store.readHost(VICTIM);
    assert.deepEqual(granted(await stage.send(register)), told);
    const now = (await stage.cloud.store.readHost(VICTIM)) ?? assert.fail();
    const { lastSeen, leaseUntil, rev } = before ?? assert.fail();
    assert.deepEqual({ ...now, lastSeen, leaseUntil, rev }, before);
  });

  it('(an older registration) is refused', async () => {
    const register = signed('/Berth.Register', { Incarnation: 'nonce-of-2', Proposed: 'nonce-of-3', ShimVersion: '1' });
    granted(await stage.send(register));
    const next = { Incarnation: 'nonce-of-3', Proposed: 'nonce-of-4', ShimVersion: '1' };
    granted(await stage.send(signed('/Berth.Register', next)));
    const { answer, lines } = await stage.attack(register);
    assert.equal(answer.headers['berth-refusal'], 'host-taken');
    assert.equal(lines[0]?.['code'], 'host-taken');
  });
});

describe("a copy of an operator's request", () => {
  const declare = (State: string, Key: string, more = {}): Signed =>
    sign(
      { path: '/Berth.HostState', message: { Host: VICTIM, State, Key, ...more }, headers: {} },
      { key: stage.keys.operator },
    );

  it('(a declaration of death) has no effect although the host has returned since, and is logged', async () => {
    const network = async () => {
      const { PoolID } = await stage.call(VICTIM, stage.keys.victim, '/IpamDriver.RequestPool', pool('10.5.0.0/24'));
      const wish = { PoolID, Address: '10.5.0.9', Options: MAC };
      await stage.call(VICTIM, stage.keys.victim, '/IpamDriver.RequestAddress', wish);
    };
    await network();
    const drained = declare('draining', 'key-of-drain');
    const resumed = declare('live', 'key-of-resume');
    for (const each of [drained, resumed]) assert.deepEqual(granted(await stage.send(each)), { Outcome: 'done' });
    for (const each of [drained, resumed]) {
      const { answer, lines } = await stage.attack(each);
      assert.deepEqual(granted(answer), { Outcome: 'done' });
      assert.deepEqual([lines[0]?.['level'], lines[0]?.['message']], ['warn', 'declaration repeated']);
    }
    const dead = declare('dead', 'key-of-death', { OverrideLease: true });
    granted(await stage.send(dead));
    const register = { Incarnation: 'nonce-of-4', Proposed: 'nonce-of-5', ShimVersion: '1' };
    granted(await stage.send(signed('/Berth.Register', register)));
    const { answer } = await stage.attack(dead);
    assert.deepEqual(granted(answer), { Outcome: 'done' });
    assert.equal((await stage.cloud.store.readHost(VICTIM))?.state, 'live');
  });

  it('(settings of a space) has no effect although the space has been changed back since', async () => {
    const set = (IfRev: unknown, Set: object): Signed =>
      sign(
        { path: '/Berth.SetSpace', message: { Space: 'ci', Set, IfRev }, headers: {} },
        { key: stage.keys.operator },
      );
    const smaller = set('', { Size4: 28 });
    const { Rev } = granted(await stage.send(smaller));
    granted(await stage.send(set(Rev, { Size4: null })));
    const { answer, lines } = await stage.attack(smaller);
    assert.match(errorOf(answer), /ci/);
    assert.equal(lines[0]?.['code'], 'space-changed');
  });
});
