/** A host returns after its networks were given up, and revives what is still free. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LEASE_MS } from '../../../../functions/ipam/host.ts';
import { reportDeath } from '../../../../functions/ipam/hosts/host-events.ts';
import { holdingsOf } from '../../../../functions/ipam/recovery/holdings.ts';
import { type Revival, reviveNetwork } from '../../../../functions/ipam/recovery/revive.ts';
import { sweep } from '../../../../functions/ipam/sweep/sweep.ts';
import { ip } from '../../../support/addresses.ts';
import { refused, pair, GATEWAY, withMac } from '../../../support/fleet.ts';
import { withoutFailures } from '../../../support/whole-sweep.ts';

const SUBNET = '10.1.0.0/24';
const LONG = 8 * 86_400_000;
/** These tests compare codes; the texts have tests of their own. */
const WORDS = /./;
const mac = (last: number) => `02:00:00:00:00:0${last}`;

const generationOf = (poolId: string): string => poolId.split(',')[4] ?? assert.fail(poolId);

/** Host `a` has a network with two endpoints, and was then silent until it was forgotten; `b` is another host. */
async function stage({ shared = false, sweeps = true } = {}) {
  const { deps, one: a, other: b } = pair();
  const register = () => a.register();
  await register();
  const net = await a.pool({ pool: SUBNET });
  await a.address(net, '', GATEWAY);
  const held: Revival['held'][number][] = [];
  for (const last of [1, 2])
    held.push({ address: ip(await a.address(net, '', withMac(mac(last)))), mac: mac(last), name: '' });
  const theirs = shared ? await b.pool({ pool: SUBNET }) : undefined;
  const sweepAll = () => withoutFailures(sweep(deps, { deadline: Infinity, limit: 10_000, cursor: undefined }));
  deps.world.advance(LEASE_MS);
  await sweepAll();
  deps.world.advance(LONG);
  if (sweeps) {
    await sweepAll();
    // The tombstones and chunks of what has ended go, too.
    deps.world.advance(LONG);
    await sweepAll();
  }
  const revive = async (changes: Partial<Revival> = {}, call = {}) =>
    reviveNetwork(deps, a.call({ epoch: 2, ...call }), {
      poolId: net.poolId,
      gateway: ip('10.1.0.1'),
      reserved: [],
      held,
      isLast: true,
      ...changes,
    });
  const holdings = () => holdingsOf(deps, a.call(), { poolId: net.poolId });
  const late = (options = withMac(mac(9))) => a.address(net, '', options, a.call({ epoch: 2 }));
  return { deps, a, b, net, theirs, held, register, sweepAll, revive, holdings, late };
}

describe('a forgotten host that returns', () => {
  for (const shared of [false, true]) {
    const where = shared ? 'on a subnet that others kept' : 'on a subnet that had ended';
    it(`gets its network and its leases back, ${where}`, async () => {
      const { register, revive, holdings, held, late, a, net, deps, sweepAll } = await stage({ shared });
      await register();
      await refused(late(), 'pool-gone', WORDS);
      assert.deepEqual(await revive(), { state: 'live', taken: [] });
      const { state, leases } = await holdings();
      assert.equal(state, 'live');
      assert.deepEqual(
        new Set(leases.map(({ address }) => address.value)),
        new Set(held.map(({ address }) => address.value)),
      );
      const got = await late();
      assert.ok(!held.some(({ address }) => address.value === ip(got).value));
      assert.notEqual(got, '10.1.0.1', 'the gateway is kept');
      deps.world.advance(LONG);
      await register();
      await sweepAll();
      assert.equal((await holdings()).leases.length, 3, 'no sweep frees what is revived');
      const [first] = held;
      await a.release(
        net,
        first === undefined ? '' : '10.1.0.' + String(first.address.value & 0xffn),
        a.call({ epoch: 2 }),
      );
      assert.equal((await holdings()).leases.length, 2);
    });
  }

  it('gets no other address until it has reported all that it holds', async () => {
    const { register, revive, late, held } = await stage();
    await register();
    assert.equal((await revive({ held: held.slice(0, 1), isLast: false })).state, 'reviving');
    await refused(late(), 'busy', WORDS);
    assert.equal((await revive({ held: held.slice(1), isLast: true })).state, 'live');
    await late();
  });

  it('keeps its auxiliary addresses from others from its first message on', async () => {
    const { register, revive, b, theirs, held } = await stage({ shared: true });
    assert.ok(theirs !== undefined);
    await register();
    const reserved = [ip('10.1.0.9')];
    await revive({ reserved, held: held.slice(0, 1), isLast: false });
    await refused(b.address(theirs, '10.1.0.9', withMac(mac(7))), 'address-in-use', WORDS);
    assert.deepEqual(await revive({ reserved, held: held.slice(1) }), { state: 'live', taken: [] });
  });

  it('learns once, from the last answer, who has taken one of its auxiliary addresses', async () => {
    const { register, revive, b, theirs, held } = await stage({ shared: true });
    assert.ok(theirs !== undefined);
    const reserved = Array.from({ length: 20 }, (_, i) => ip(`10.1.0.${10 + i}`));
    for (const kept of ['10.1.0.12', '10.1.0.29']) await b.address(theirs, kept, withMac(mac(7)));
    await register();
    const first = await revive({ reserved, held: held.slice(0, 1), isLast: false });
    assert.deepEqual(first, { state: 'reviving', taken: [] });
    const { state, taken } = await revive({ reserved, held: held.slice(1) });
    assert.equal(state, 'live');
    assert.deepEqual(
      taken.map(({ address }) => address),
      [ip('10.1.0.12'), ip('10.1.0.29')],
    );
    assert.match(taken[0]?.holder ?? '', /^held by an endpoint \(MAC 02:00:00:00:00:07\) of host b since /);
  });

  it('reserves its auxiliary addresses side by side', async () => {
    const { register, revive, deps } = await stage();
    await register();
    const write = deps.store.writeSlot.bind(deps.store);
    let [underWay, most] = [0, 0];
    deps.store.writeSlot = async (...args) => {
      most = Math.max(most, ++underWay);
      await new Promise(setImmediate);
      underWay--;
      return write(...args);
    };
    const reserved = Array.from({ length: 40 }, (_, i) => ip(`10.1.0.${10 + i}`));
    assert.equal((await revive({ reserved })).state, 'live');
    assert.equal(most, 32);
  });

  it('learns who has taken one of its addresses in the meantime, and keeps the rest', async () => {
    const { register, revive, b, theirs, held, holdings } = await stage({ shared: true });
    const [first, second] = held;
    assert.ok(first !== undefined && second !== undefined && theirs !== undefined);
    await b.address(theirs, `10.1.0.${String(first.address.value & 0xffn)}`, withMac(mac(7)));
    await register();
    const { state, taken } = await revive();
    assert.equal(state, 'live');
    assert.deepEqual(
      taken.map(({ address }) => address.value),
      [first.address.value],
    );
    assert.match(taken[0]?.holder ?? '', /^held by an endpoint \(MAC 02:00:00:00:00:07\) of host b since /);
    assert.deepEqual(
      (await holdings()).leases.map(({ address }) => address.value),
      [second.address.value],
    );
  });

  it('is refused when its subnet is in use by others, and takes nothing from them', async () => {
    const { register, revive, b, deps } = await stage();
    const theirs = await b.pool({ pool: '10.1.0.0/16' });
    await b.address(theirs, '', withMac(mac(7)));
    await register();
    const others = () => [...deps.store.chunks].filter(([key]) => key.startsWith(generationOf(theirs.poolId)));
    const before = structuredClone([deps.store.pools, others()]);
    await refused(
      revive(),
      'pool-overlap',
      /^the network on 10\.1\.0\.0\/24 of space default was reclaimed while this host was silent, and 10\.1\.0\.0\/16 has been in use since .* \(created by host b\); remove the network/,
    );
    assert.deepEqual([deps.store.pools, others()], before);
  });

  it('may repeat the revival, and nothing changes', async () => {
    const { register, revive, holdings } = await stage();
    await register();
    await revive();
    const before = await holdings();
    assert.deepEqual(await revive(), { state: 'live', taken: [] });
    assert.deepEqual(await holdings(), before);
  });

  it('must register first, since its epoch was fenced', async () => {
    const { revive, register } = await stage();
    await refused(revive(), 'host-fenced', WORDS);
    await register();
    await refused(revive({}, { epoch: 1 }), 'host-fenced', WORDS);
  });

  it('is refused an address outside its network, and nothing is revived', async () => {
    const { register, revive, held, deps } = await stage();
    await register();
    const before = structuredClone([deps.store.pools, deps.store.refs, deps.store.chunks]);
    const [first] = held;
    assert.ok(first !== undefined);
    for (const outside of ['10.1.1.0', '10.0.255.255', 'fd00::1'].map(ip)) {
      for (const changes of [
        { held: [first, { ...first, address: outside }] },
        { gateway: outside },
        { reserved: [outside] },
      ]) {
        await refused(
          revive(changes),
          'out-of-range',
          / is not an address of 10\.1\.0\.0\/24; send only what Docker has/,
        );
      }
    }
    assert.deepEqual([deps.store.pools, deps.store.refs, deps.store.chunks], before);
  });

  it('can end a revival that another silence cut off, and start again', async () => {
    const { register, revive, holdings, held, deps, sweepAll, late } = await stage();
    await register();
    await revive({ held: held.slice(0, 1), isLast: false });
    deps.world.advance(LEASE_MS);
    await sweepAll();
    await sweepAll();
    assert.equal((await holdings()).state, 'gone');
    await register();
    await refused(late(), 'pool-gone', WORDS);
    assert.equal((await revive({}, { epoch: 3 })).state, 'live');
    assert.equal((await holdings()).leases.length, 2);
  });

  it('writes new leases, which a late release of the old ones does not free', async () => {
    const { register, revive, deps, holdings } = await stage({ shared: true, sweeps: false });
    const { store } = deps;
    await register();
    // It is declared dead in error: its network ends, and the call that frees has read the slots, but is slow to write.
    const writeSlot = store.writeSlot.bind(store);
    const slow: (() => Promise<unknown>)[] = [];
    store.writeSlot = (...args) => {
      slow.push(() => writeSlot(...args));
      return Promise.resolve({ written: true });
    };
    await reportDeath(deps, 'a', 'in error');
    store.writeSlot = writeSlot;
    assert.notEqual(slow.length, 0);
    await register();
    assert.equal((await revive({}, { epoch: 3 })).state, 'live');
    for (const write of slow) await write();
    assert.equal((await holdings()).leases.length, 2);
  });
});
