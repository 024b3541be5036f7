/** What happens to a host that is reported dead or about to go. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LEASE_MS } from '../../../../functions/ipam/host.ts';
import { reportDeath, reportDrain } from '../../../../functions/ipam/hosts/host-events.ts';
import { sweep } from '../../../../functions/ipam/sweep/sweep.ts';
import { refused, pair, GATEWAY, MAC } from '../../../support/fleet.ts';
import { withoutFailures } from '../../../support/whole-sweep.ts';

const DRAINS = /^host a is draining and gets (no address in 10\.1\.0\.0\/24 of space default|no new network); use/;

/** Hosts `a` and `b` share a pool; `a` also has one of its own, a lease and a reservation. */
async function stage() {
  const { deps, one: a, other: b } = pair();
  const register = (incarnation: string | undefined, proposed: string) => a.register({ incarnation, proposed });
  await register(undefined, 'one');
  const [net, shared] = [await a.pool({ pool: '10.1.0.0/24' }), await b.pool({ pool: '10.1.0.0/24' })];
  await a.pool({ pool: '10.2.0.0/24' });
  const address = await a.address(net, '', MAC);
  await a.address(net, '10.1.0.77');
  const held = () =>
    [...deps.store.chunks.values()].flatMap(({ slots }) => slots).filter((slot) => /^[LR]/.test(slot ?? ''));
  const hostItem = () => deps.store.hosts.get('a');
  return { deps, a, b, net, shared, address, register, held, hostItem };
}

describe('a host that is reported dead', () => {
  it('loses its networks, leases and reservations, and the pools that no other host uses', async () => {
    const { deps, b, shared, address, held, hostItem } = await stage();
    assert.equal(await reportDeath(deps, 'a', 'EC2: terminated'), 'done');
    const host = hostItem();
    assert.deepEqual([host?.state, host?.epoch, host?.why], ['dead', 2, 'EC2: terminated']);
    assert.equal(deps.store.pools.size, 1);
    assert.equal(held().filter((slot) => slot?.startsWith('L')).length, 0);
    assert.equal(
      held().filter((slot) => slot?.startsWith('R')).length,
      2,
      'two gateways, one of them in a pool that has ended',
    );
    deps.world.advance(60_000);
    assert.equal(await b.address(shared, address, MAC), address);
  });

  it('gets nothing more, and others lose nothing that they hold', async () => {
    const { deps, a, b, net, shared } = await stage();
    const other = await b.address(shared, '', MAC);
    await reportDeath(deps, 'a', 'gone');
    await refused(a.address(net), 'pool-gone', /was released/);
    await refused(a.pool({ pool: '10.3.0.0/24' }), 'host-fenced', /cannot join a pool/);
    assert.equal(await b.release(shared, other), 'freed');
  });

  it('dies once, however often it is reported', async () => {
    const { deps, hostItem } = await stage();
    await reportDeath(deps, 'a', 'gone');
    assert.equal(await reportDeath(deps, 'a', 'again'), 'done');
    assert.deepEqual([hostItem()?.epoch, hostItem()?.why], [2, 'gone']);
  });

  it('dies the same way after it was fenced', async () => {
    const { deps, held } = await stage();
    deps.world.advance(LEASE_MS);
    await withoutFailures(sweep(deps, { deadline: Infinity, limit: 100, cursor: undefined }));
    await reportDeath(deps, 'a', 'gone');
    assert.equal(held().filter((slot) => slot?.startsWith('L')).length, 0);
  });

  it('causes no write if it is unknown', async () => {
    const { deps } = await stage();
    const { refs, hosts } = deps.store;
    const before = [new Map(refs), new Map(hosts)];
    assert.equal(await reportDeath(deps, 'nobody', 'gone'), 'unknown');
    assert.equal(await reportDrain(deps, 'nobody', 'soon'), 'unknown');
    assert.deepEqual([refs, hosts], before);
  });

  it('is live in the raised epoch if it registers again; what it lost stays lost', async () => {
    const { deps, a, net, register } = await stage();
    await reportDeath(deps, 'a', 'a mistake');
    const { state, epoch, isFresh, isWaking } = await register('one', 'two');
    assert.deepEqual([state, epoch, isFresh, isWaking], ['live', 2, false, false]);
    await refused(a.address(net, '', {}, a.call({ epoch })), 'pool-gone', /was released/);
    await a.address(await a.pool({ pool: '10.2.0.0/24' }, a.call({ epoch })), '', MAC, a.call({ epoch }));
  });

  it('leaves its id to another machine at once', async () => {
    const { deps, register } = await stage();
    await refused(register('copy', 'two'), 'host-taken', /^another machine has been host a/);
    await reportDeath(deps, 'a', 'gone');
    assert.equal((await register('copy', 'two')).isFresh, true);
  });
});

describe('a host that drains', () => {
  it('gets no address and no network, keeps what it has, and may release it', async () => {
    const { deps, a, net, address, held, hostItem } = await stage();
    const leased = () => held().filter((slot) => slot?.startsWith('L'));
    const before = leased();
    assert.equal(await reportDrain(deps, 'a', 'spot: interruption'), 'done');
    assert.deepEqual([hostItem()?.state, hostItem()?.epoch, hostItem()?.why], ['draining', 1, 'spot: interruption']);
    await refused(a.address(net, '', MAC), 'host-draining', DRAINS);
    await refused(a.address(net, '10.1.0.9', MAC), 'host-draining', DRAINS);
    await refused(a.address(net, '10.1.0.9', GATEWAY), 'host-draining', DRAINS);
    await refused(a.pool({ pool: '10.3.0.0/24' }), 'host-draining', DRAINS);
    assert.deepEqual(leased(), before);
    assert.equal(await a.release(net, address), 'freed');
    await a.leave(net);
  });

  it('still drains after it registers', async () => {
    const { deps, register } = await stage();
    await reportDrain(deps, 'a', 'soon');
    const { state, isWaking } = await register('one', 'two');
    assert.deepEqual([state, isWaking], ['draining', false]);
  });

  it('stays dead when a drain is reported after its death', async () => {
    const { deps, hostItem } = await stage();
    await reportDeath(deps, 'a', 'gone');
    assert.equal(await reportDrain(deps, 'a', 'soon'), 'done');
    assert.equal(hostItem()?.state, 'dead');
  });

  it('is fenced when it falls silent, and is live when it returns', async () => {
    const { deps, a, net, register } = await stage();
    await reportDrain(deps, 'a', 'soon');
    deps.world.advance(LEASE_MS);
    await withoutFailures(sweep(deps, { deadline: Infinity, limit: 100, cursor: undefined }));
    await refused(a.address(net, '', MAC), 'host-fenced', /was silent/);
    const { epoch } = await register('one', 'two');
    await a.address(net, '', MAC, a.call({ epoch }));
  });
});
