/** What happens to a host that falls silent, and to one that returns; test/models/ checks every order of steps. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Host as Registered, LEASE_MS } from '../../../../functions/ipam/host.ts';
import { fenceHost } from '../../../../functions/ipam/hosts/fence.ts';
import { fleet, refused, lone } from '../../../support/fleet.ts';

const SILENT = /^host a was silent for too long and (gets no address in|cannot join a pool)/;

/** A host with some networks, registered. */
async function stage(networks = 1) {
  const { deps, host } = lone();
  const register = () => host.register();
  await register();
  const nets = [];
  for (let i = 0; i < networks; i++) nets.push(await host.pool({ pool: `10.${i}.0.0/24` }));
  const [net] = nets;
  const fence = () => fenceHost(deps, 'a', Infinity);
  const silence = () => {
    deps.world.advance(LEASE_MS);
    return fence();
  };
  const hostItem = (): Registered => deps.store.hosts.get('a') ?? assert.fail('the host is missing');
  const states = () => [...deps.store.refs.values()].map(({ state, epoch }) => `${state} ${epoch}`);
  return { deps, host, net: net ?? assert.fail(), register, fence, silence, hostItem, states };
}

describe('a host that is silent past its lease', () => {
  it('is fenced: its epoch rises, its networks sleep, and nothing is freed', async () => {
    const { deps, host, net, silence, hostItem, states } = await stage(2);
    await host.address(net);
    const [chunks, pools] = [new Map(deps.store.chunks), new Map(deps.store.pools)];
    assert.equal((await silence())?.quieted, 2);
    const { state, epoch, fencedAt, why } = hostItem();
    assert.deepEqual([state, epoch, fencedAt], ['fenced', 2, deps.world.now()]);
    assert.equal(why, 'it sent no heartbeat for a whole lease');
    assert.deepEqual(states(), ['dormant 1', 'dormant 1']);
    assert.deepEqual([deps.store.chunks, deps.store.pools], [chunks, pools]);
  });

  it('is not fenced a moment earlier, nor after it has registered again', async () => {
    const { deps, fence, register, silence, states } = await stage();
    deps.world.advance(LEASE_MS - 1);
    assert.equal(await fence(), undefined);
    await register();
    deps.world.advance(LEASE_MS - 1);
    assert.equal(await fence(), undefined);
    assert.deepEqual(states(), ['live 1']);
    assert.notEqual(await silence(), undefined);
  });

  it('is fenced once, however often the sweep tries', async () => {
    const { fence, silence, hostItem, states } = await stage();
    await silence();
    assert.equal((await fence())?.quieted, 0);
    assert.deepEqual([hostItem().epoch, ...states()], [2, 'dormant 1']);
  });

  it('gets no address and no network in either epoch, but may release', async () => {
    const { deps, host, net, silence } = await stage();
    const address = await host.address(net);
    await silence();
    for (const epoch of [1, 2]) {
      await refused(host.address(net, '', {}, host.call({ epoch })), 'host-fenced', SILENT);
      await refused(host.pool({ pool: '10.9.0.0/24' }, host.call({ epoch })), 'host-fenced', SILENT);
      await refused(host.pool({}, host.call({ epoch })), 'host-fenced', SILENT);
    }
    assert.equal(deps.store.pools.size, 1, 'the refused calls left nothing behind');
    assert.equal(await host.release(net, address), 'freed');
  });

  it('is not fenced if it is unknown', async () => {
    const deps = fleet();
    assert.equal(await fenceHost(deps, 'nobody', Infinity), undefined);
    assert.equal(deps.store.hosts.size, 0);
  });

  it('is left to the next sweep when time runs out', async () => {
    const { deps, fence, states } = await stage();
    deps.world.advance(LEASE_MS);
    await fenceHost(deps, 'a', 0);
    assert.deepEqual(states(), ['live 1']);
    await fence();
    assert.deepEqual(states(), ['dormant 1']);
  });
});

describe('a fenced host that registers', () => {
  it('is live in the raised epoch, and so are its networks; its leases are unchanged', async () => {
    const { deps, host, net, silence, register, hostItem, states } = await stage();
    const address = await host.address(net);
    await silence();
    const chunks = new Map(deps.store.chunks);
    const { epoch, state, isWaking } = await register();
    assert.deepEqual([epoch, state, isWaking], [2, 'live', false]);
    assert.deepEqual([hostItem().why, hostItem().fencedAt, hostItem().refsLag], ['', undefined, true]);
    assert.deepEqual(states(), ['live 2']);
    assert.deepEqual(deps.store.chunks, chunks);
    assert.equal(await host.release(net, address), 'freed');
    await host.address(net, '', {}, host.call({ epoch: 2 }));
    await refused(host.address(net), 'host-fenced', SILENT);
  });

  it('is asked to register again if the time of the call ends before all networks are awake', async () => {
    const { deps, silence, register, states } = await stage(70);
    await silence();
    const change = deps.store.changeRefState.bind(deps.store);
    deps.store.changeRefState = (...wake) => {
      deps.world.advance(1_000);
      return change(...wake);
    };
    assert.equal((await register()).isWaking, true);
    const woken = states().filter((one) => one === 'live 2').length;
    assert.ok(woken > 0 && woken < 70, String(woken));
    deps.store.changeRefState = change;
    assert.equal((await register()).isWaking, false);
    assert.ok(states().every((one) => one === 'live 2'));
  });

  it('does not read its networks when none sleeps', async () => {
    const { deps, register } = await stage();
    deps.store.refsOfHost = () => assert.fail('it looked');
    assert.equal((await register()).isWaking, false);
  });

  it('does not wake a network that has ended in the meantime', async () => {
    const { host, net, silence, register, states } = await stage();
    await silence();
    await host.leave(net);
    assert.equal((await register()).isWaking, false);
    assert.deepEqual(states(), ['gone 1']);
  });
});
