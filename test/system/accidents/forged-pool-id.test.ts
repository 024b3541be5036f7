/** A host gains nothing from PoolIDs that Berth did not issue. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { holdingsOf } from '../../../functions/ipam/recovery/holdings.ts';
import { type Revival, reviveNetwork } from '../../../functions/ipam/recovery/revive.ts';
import { openPoolId } from '../../../functions/ipam/trusted-pool-id.ts';
import { formatCidr } from '../../../protocol/address.ts';
import { ip } from '../../support/addresses.ts';
import { refused, pair, GATEWAY, withMac, MAC } from '../../support/fleet.ts';
import { altered, fieldOf, unsealed } from '../../support/forged.ts';

const WORDS = /./;

/** A victim and an attacker share 10.5.7.0/24. */
async function stage() {
  const { deps, one: victim, other: attacker } = pair('victim', 'attacker');
  const net = await victim.pool({ pool: '10.5.7.0/24' });
  await victim.address(net, '', GATEWAY);
  const own = await attacker.pool({ pool: '10.5.7.0/24' });
  const another = `${fieldOf(own.poolId, 'ref').slice(0, 8)}forged`;
  const revive = (poolId: string, changes: Partial<Revival> = {}) =>
    reviveNetwork(deps, attacker.call(), {
      poolId,
      gateway: undefined,
      reserved: [],
      held: [],
      isLast: true,
      ...changes,
    });
  const pools = () => [...deps.store.pools.values()].map(({ space, cidr }) => `${space} ${formatCidr(cidr)}`).sort();
  return { deps, victim, attacker, net, own, another, revive, pools };
}

/** In the form of the first version and, with a seal, in the current form. */
const FORMS = [
  ['without a seal', unsealed],
  ['with the seal of another', altered],
] as const;

for (const [form, forge] of FORMS) {
  describe(`a PoolID that a host has forged, ${form},`, () => {
    it('does not revive a wider pool around its own one', async () => {
      const { victim, attacker, net, own, another, revive, pools } = await stage();
      const poolId = forge(own.poolId, { cidr: '10.5.0.0/16', ref: another });
      await assert.rejects(revive(poolId));
      assert.deepEqual(pools(), ['default 10.5.7.0/24']);
      assert.equal(await victim.address(net, '10.5.7.50', MAC), '10.5.7.50');
      await assert.rejects(attacker.address({ poolId, pool: '10.5.0.0/16' }, '10.5.7.50', MAC));
    });

    it('does not free the gateway of networks that share its generation', async () => {
      const { deps, victim, attacker, net, own, another, revive, pools } = await stage();
      const poolId = forge(own.poolId, { space: 'other', cidr: '10.9.9.0/24', ref: another });
      await assert.rejects(revive(poolId));
      await attacker.leave({ poolId, pool: '' }).catch(() => undefined);
      assert.deepEqual(pools(), ['default 10.5.7.0/24']);
      deps.world.advance(60_000);
      await refused(victim.address(net, '10.5.7.1', MAC), 'address-in-use', /reserved as a gateway/);
    });

    it('does not create a pool past the limits of the space', async () => {
      const { deps, own, another, revive, pools } = await stage();
      await deps.store.writeSpace('default', { maxPools: 1, maxNetworksPerHost: 1 }, undefined);
      for (const [number, cidr] of ['10.7.1.0/24', '10.7.2.0/24'].entries()) {
        const made = { cidr, ref: another, generation: `abcdefghijk${number}` };
        await assert.rejects(revive(forge(own.poolId, made)));
      }
      assert.deepEqual(pools(), ['default 10.5.7.0/24']);
    });

    it('does not create a pool with a cool-down of days', async () => {
      const { deps, own, another, revive } = await stage();
      const made = { cidr: '10.7.1.0/24', ref: another, generation: 'abcdefghijkl', cooldown: '999999999' };
      await assert.rejects(revive(forge(own.poolId, made)));
      assert.ok([...deps.store.pools.values()].every(({ cooldown }) => cooldown <= 86_400_000));
    });

    it('changes nothing that the table knows about its own network', async () => {
      const { deps, attacker, own } = await stage();
      for (const changes of [{ cidr: '10.5.0.0/16' }, { space: 'other' }, { subPool: '10.5.7.128/25' }]) {
        const made = { poolId: forge(own.poolId, changes), pool: '' };
        await refused(attacker.leave(made), 'foreign-pool', WORDS);
        await refused(attacker.release(made, '10.5.7.200'), 'foreign-pool', WORDS);
        await refused(attacker.address(made, '', MAC), 'foreign-pool', WORDS);
      }
      const hasty = await openPoolId(deps, forge(own.poolId, { cooldown: '2000' }), attacker.call());
      assert.equal(hasty?.cooldown, 30_000, 'the pool, not the PoolID, sets the cool-down');
    });

    it('does not claim an address of a pool in its cool-down', async () => {
      const { victim, attacker, net, own } = await stage();
      const freed = await victim.address(net, '', MAC);
      await victim.release(net, freed);
      const poolId = forge(own.poolId, { subPool: `${freed}/32`, cooldown: '0' });
      await assert.rejects(attacker.address({ poolId, pool: '' }, '', withMac('02:00:00:00:00:09')));
    });

    it('does not reveal which host holds an address', async () => {
      const { deps, victim, attacker, net, own, another } = await stage();
      await victim.address(net, '10.5.7.50', MAC);
      const asked = { addresses: [ip('10.5.7.50')], from: 0n };
      const poolId = forge(own.poolId, { ref: another });
      const told = await holdingsOf(deps, attacker.call(), { poolId, ...asked }).catch(() => undefined);
      assert.deepEqual(told?.others ?? [], []);
    });
  });
}

describe('a network that has ended', () => {
  it('is revived only within the limits of its space, like a new one', async () => {
    const { deps, attacker, own, revive, pools } = await stage();
    await attacker.leave(own);
    for (const pool of ['10.7.1.0/24', '10.7.2.0/24']) {
      const net = await attacker.pool({ pool });
      await attacker.leave(net);
      await deps.store.writeSpace('default', { maxPools: 1 }, await deps.store.readSpace('default'));
      await refused(revive(net.poolId), 'limit-reached', /may hold 1 IPv4 pools/);
      await deps.store.writeSpace('default', {}, await deps.store.readSpace('default'));
    }
    assert.deepEqual(pools(), ['default 10.5.7.0/24']);
    await deps.store.writeSpace('default', { maxNetworksPerHost: 1 }, await deps.store.readSpace('default'));
    await attacker.pool({ pool: '10.7.3.0/24' });
    await refused(revive(own.poolId), 'limit-reached', /may have 1 IPv4 networks/);
    assert.equal(
      (await deps.store.readRef(fieldOf(own.poolId, 'generation'), fieldOf(own.poolId, 'ref')))?.state,
      'gone',
    );
  });
});

describe('two hosts whose ids have one tag', () => {
  // Found in seconds: a tag has 41 bits, so two of one and a half million are equal.
  const [ONE, OTHER] = ['host-1uohd', 'host-2l2z1'] as const;

  async function neighbours() {
    const { deps, one, other } = pair(ONE, OTHER);
    const net = await one.pool({ pool: '10.1.0.0/24' });
    const theirs = await other.pool({ pool: '10.1.0.0/24' });
    assert.equal(fieldOf(net.poolId, 'ref').slice(0, 8), fieldOf(theirs.poolId, 'ref').slice(0, 8));
    const held = await one.address(net, '', MAC);
    return { deps, one, other, net, theirs, held };
  }

  for (const [form, of] of [
    ['as it was issued', (poolId: string) => poolId],
    ['without its seal', unsealed],
  ] as const) {
    it(`do not affect each other's networks, ${form}`, async () => {
      const { deps, one, other, net, held } = await neighbours();
      const stolen = { poolId: of(net.poolId), pool: net.pool };
      await refused(other.leave(stolen), 'foreign-pool', /belongs to another host/);
      await refused(other.release(stolen, held), 'foreign-pool', /belongs to another host/);
      await refused(other.address(stolen, '', MAC), 'foreign-pool', /belongs to another host/);
      const revival = { poolId: stolen.poolId, gateway: undefined, reserved: [], held: [], isLast: true };
      await refused(reviveNetwork(deps, other.call(), revival), 'foreign-pool', /belongs to another host/);
      const asked = { poolId: stolen.poolId };
      await refused(holdingsOf(deps, other.call(), asked), 'foreign-pool', /belongs to another host/);
      const { state, leases } = await holdingsOf(deps, one.call(), { poolId: net.poolId });
      assert.deepEqual([state, leases.length], ['live', 1]);
    });
  }

  it('do not keep each other from an address that one of them has freed', async () => {
    const { one, other, net, theirs } = await neighbours();
    const wanted = '10.1.0.77';
    await other.address(theirs, wanted, MAC);
    await other.release(theirs, wanted, other.call({ requestKey: 'zzzzzzzzzaaaa' }));
    assert.equal(await one.address(net, wanted, MAC), wanted);
  });

  it('both work', async () => {
    const { one, other, net, theirs, held } = await neighbours();
    const address = await other.address(theirs, '', MAC);
    assert.notEqual(address, held);
    assert.equal(await one.release(net, held), 'freed');
    await one.leave(net);
    assert.equal(await other.release(theirs, address), 'freed');
    await other.leave(theirs);
  });
});

describe('the message of a refusal', () => {
  it('says what to do about a network that cannot be verified', async () => {
    const { attacker, own, another, revive } = await stage();
    const poolId = unsealed(own.poolId, { ref: another });
    await refused(revive(poolId), 'pool-gone', /remove the network \(docker network rm\) and create it again/);
    await refused(attacker.address({ poolId, pool: '' }, '', MAC), 'pool-gone', WORDS);
  });
});
