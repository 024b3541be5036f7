/** What a settlement derives from the text of the call; test/models/ checks every order of steps. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type UnsettledAddress, settleAddress, settlePool } from '../../../../functions/ipam/recovery/settle.ts';
import { Host, type Fleet, network, refused, GATEWAY, named, withMac, MAC } from '../../../support/fleet.ts';

/** A network of a host, and its call for an address, which took effect. */
async function stage(address = '', options: Record<string, string> = MAC) {
  const { deps, host, net } = await network();
  const call = host.call();
  const given = await host.address(net, address, options, call);
  deps.world.advance(1_000);
  const settle = (changes: Partial<UnsettledAddress> = {}, by = host) =>
    settleAddress(deps, by.call(), {
      poolId: net.poolId,
      address,
      options,
      requestKey: call.requestKey,
      keep: undefined,
      ...changes,
    });
  return { deps, host, net, given, settle };
}

const leases = ({ store }: Awaited<ReturnType<typeof stage>>['deps']): number =>
  [...store.chunks.values()].flatMap(({ slots }) => slots).filter((slot) => slot?.startsWith('L')).length;

describe('the settlement of a request for an address', () => {
  for (const [what, address, options] of [
    ['any', '', MAC],
    ['any, of an endpoint with a name', '', named('web')],
    ['a given address', '10.1.0.9', MAC],
  ] as const) {
    it(`frees what no caller received, and keeps what dockerd received: ${what}`, async () => {
      const { deps, given, settle } = await stage(address, options);
      await settle({ keep: given });
      assert.equal(leases(deps), 1);
      await settle();
      assert.equal(leases(deps), 0);
    });
  }

  it('frees the address of an unanswered attempt when dockerd received another address', async () => {
    const { deps, settle } = await stage();
    await settle({ keep: '10.1.0.77' });
    assert.equal(leases(deps), 0);
  });

  it('refuses an address to keep that is invalid or outside the pool, and frees nothing', async () => {
    const { deps, given, settle } = await stage();
    for (const keep of ['', `${given}/24`, 'nonsense', '10.2.0.9', 'fd00::1']) {
      await refused(settle({ keep }), 'invalid-request', /^invalid address to keep: ".*" is not in 10\.1\.0\.0\/24$/);
    }
    assert.equal(leases(deps), 1);
  });

  for (const [what, changes] of [
    ['an invalid address', { address: '10.1.0' }],
    ['an address outside the pool', { address: '10.2.0.1' }],
    ['an address of the other family', { address: 'fd00::1' }],
    ['the network address', { address: '10.1.0.0' }],
    ['the broadcast address', { address: '10.1.0.255' }],
    ['an invalid MAC', { options: withMac('02:42') }],
    ['a gateway outside the pool', { address: '10.2.0.1', options: GATEWAY }],
  ] as const) {
    it(`has nothing to do where the request was refused as invalid: ${what}`, async () => {
      const { deps, settle } = await stage();
      const before = new Map(deps.store.chunks);
      await settle(changes);
      assert.deepEqual(deps.store.chunks, before);
    });
  }

  it('is refused for a PoolID that is damaged or of another host', async () => {
    const { deps, net, settle } = await stage();
    await refused(settle({ poolId: 'berth1' }), 'foreign-pool', /was not issued by Berth, or was damaged/);
    await refused(settle({ poolId: `${net.poolId}x` }), 'foreign-pool', /was not issued by Berth, or was damaged/);
    await refused(settle({}, new Host(deps, 'b')), 'foreign-pool', /belongs to another host, not to b$/);
    assert.equal(leases(deps), 1);
  });

  it('is refused when it is not newer than the call', async () => {
    const { host, settle } = await stage();
    const { requestKey } = host.call();
    await refused(
      settle({ requestKey: `zzzzzzzzz${requestKey.slice(9)}` }),
      'invalid-request',
      /^a settlement must be later/,
    );
  });
});

describe('the settlement of a request for a pool', () => {
  const settle = (deps: Fleet, host: Host, requestKey: string, keep?: string) =>
    settlePool(deps, host.call(), { requestKey, keep });

  async function twoAttempts() {
    const { deps, host } = await network();
    const call = host.call();
    const lost = await host.pool({}, call);
    const kept = await host.pool({}, { ...call, attempt: 2 });
    return { deps, host, requestKey: call.requestKey, lost, kept };
  }
  const standing = ({ store }: Awaited<ReturnType<typeof twoAttempts>>['deps']): number => store.pools.size;

  it('ends what the call left, except for what is to be kept', async () => {
    const { deps, host, requestKey, kept, lost } = await twoAttempts();
    await settle(deps, host, requestKey, kept.poolId);
    assert.equal(standing(deps), 2);
    await host.address(kept);
    await refused(host.address(lost), 'pool-gone', /was released/);
    await settle(deps, host, requestKey);
    assert.equal(standing(deps), 1);
  });

  it('refuses a PoolID to keep that is damaged or of another host, and ends nothing', async () => {
    const { deps, host, requestKey } = await twoAttempts();
    const foreign = await new Host(deps, 'b').pool({ pool: '10.9.0.0/24' });
    for (const keep of ['', 'nonsense', foreign.poolId]) {
      await refused(settle(deps, host, requestKey, keep), 'foreign-pool', /^invalid pool id: /);
    }
    assert.equal(standing(deps), 4);
  });

  it('has nothing to do where the request was refused', async () => {
    const { deps, host } = await network();
    const call = host.call();
    await refused(host.pool({ pool: 'nonsense' }, call), 'invalid-request', /^invalid address pool/);
    await settle(deps, host, call.requestKey);
    assert.equal(standing(deps), 1);
  });
});
