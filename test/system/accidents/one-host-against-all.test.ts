/** How much one host may take of a space that all hosts share. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reportDeath } from '../../../functions/ipam/hosts/host-events.ts';
import { reviveNetwork } from '../../../functions/ipam/recovery/revive.ts';
import type { SpaceSettings } from '../../../functions/ipam/space.ts';
import { changeSpace } from '../../../functions/ipam/spaces/change.ts';
import { Host, fleet, refused } from '../../support/fleet.ts';

const ROLE = 'arn:aws:sts::123456789012:assumed-role/ci';
const WORDS = /./;

async function stage(settings: SpaceSettings = {}) {
  const deps = fleet();
  const set = async (to: SpaceSettings) => deps.store.writeSpace('default', to, await deps.store.readSpace('default'));
  await set(settings);
  const register = async (id: string, principal = `${ROLE}/session`) => {
    const host = new Host(deps, id);
    deps.world.advance(1);
    await host.register({ principal });
    return host;
  };
  const revive = (host: Host, poolId: string) =>
    reviveNetwork(deps, host.call(), { poolId, gateway: undefined, reserved: [], held: [], isLast: true });
  return { deps, set, register, revive, host: new Host(deps, 'a') };
}

describe('a subnet that covers the ranges of a space', () => {
  it('is refused, so that the automatic pools of other hosts do not fail', async () => {
    const { deps, host } = await stage();
    const words =
      /^invalid address pool: 8\.0\.0\.0\/5 is wider than \/8, the widest that space default allows; .* \(berth space set default --widest4 5\)$/;
    await refused(host.pool({ pool: '8.0.0.0/5' }), 'limit-reached', words);
    await refused(host.pool({ pool: '0.0.0.0/1', options: {} }), 'limit-reached', WORDS);
    await refused(host.pool({ pool: 'fc00::/7' }), 'limit-reached', /wider than \/32, .*--widest6 7\)$/);
    assert.equal(deps.store.pools.size, 0);
    await new Host(deps, 'b').pool();
    await host.pool({ pool: '10.0.0.0/16', options: {} });
  });

  it('is refused as an automatic pool too', async () => {
    const { host } = await stage({ widest4: 16 });
    const words = /^invalid address pool: an automatic pool of \/12 is wider than \/16/;
    await refused(host.pool({ options: { 'berth.size': '12' } }), 'limit-reached', words);
    await refused(host.pool({ pool: '0.0.0.0/12' }), 'limit-reached', words);
    await host.pool({ options: { 'berth.size': '16' } });
  });

  it('stays for networks that have it or join it, but cannot be revived', async () => {
    const { deps, set, host, revive } = await stage({ widest4: 5 });
    const wide = await host.pool({ pool: '8.0.0.0/5' });
    await set({});
    const other = new Host(deps, 'b');
    const joined = await other.pool({ pool: '8.0.0.0/5' });
    await host.address(wide);
    await host.leave(wide);
    await other.leave(joined);
    await refused(host.pool({ pool: '8.0.0.0/5' }), 'limit-reached', WORDS);
    await refused(revive(host, wide.poolId), 'limit-reached', WORDS);
    assert.equal(deps.store.pools.size, 0);
  });
});

describe('a subnet outside of the ranges of a space', () => {
  it('is granted by default, and refused where an operator forbids it', async () => {
    const { deps, set, host, revive } = await stage();
    const net = await host.pool({ pool: '192.168.7.0/24' });
    await host.leave(net);
    await set({ givenOutside: false });
    const words =
      /^invalid address pool: 192\.168\.7\.0\/24 lies outside the ranges of space default, .* within 10\.192\.0\.0\/10, fdbe:5274:6800::\/48, .*--given-outside yes\)$/;
    await refused(host.pool({ pool: '192.168.7.0/24' }), 'limit-reached', words);
    await refused(host.pool({ pool: '10.128.0.0/9' }), 'limit-reached', WORDS);
    await refused(revive(host, net.poolId), 'limit-reached', words);
    assert.equal(deps.store.pools.size, 0);
    await host.pool({ pool: '10.192.7.0/24' });
    await host.pool();
  });
});

describe('a principal with many hosts', () => {
  it('gets networks only for its oldest hosts, where an operator sets how many', async () => {
    const { deps, set, register, revive } = await stage({ maxNetworksPerHost: 1, maxHostsPerPrincipal: 1 });
    const first = await register('z');
    const second = await register('b');
    const stranger = await register('c', 'arn:aws:iam::123456789012:user/other');
    await first.pool();
    await stranger.pool();
    const words =
      /^space default allows 1 hosts of one principal, and arn:aws:sts::123456789012:assumed-role\/ci has as many .* before b; .*--max-hosts-per-principal NUMBER\)$/;
    await refused(second.pool(), 'limit-reached', words);
    assert.deepEqual(
      [...deps.store.refs.values()].filter(({ hostId, state }) => hostId === 'b' && state !== 'gone'),
      [],
    );
    await set({ maxHostsPerPrincipal: 2 });
    const net = await second.pool();
    await second.leave(net);
    await set({ maxHostsPerPrincipal: 1 });
    await refused(revive(second, net.poolId), 'limit-reached', words);
    await reportDeath(deps, 'z', 'the test says so');
    await second.pool();
  });

  it('gets networks for its own id and one more by default if it is an EC2 instance', async () => {
    const { deps, set, register } = await stage();
    const principal = `${ROLE}/i-0123456789abcdef0`;
    const ask = (host: Host) => host.pool({}, host.call({ principal }));
    const other = await register('other', principal);
    await ask(other);
    await ask(await register('i-0123456789abcdef0', principal));
    const third = await register('third', principal);
    await refused(
      ask(third),
      'limit-reached',
      /allows 1 hosts of one principal, and .*i-0123456789abcdef0 has as many/,
    );
    const host = (await deps.store.readHost('third')) ?? assert.fail();
    await deps.store.writeHost({ ...host, isAdopted: true }, host);
    await ask(third);
    const fourth = await register('fourth', principal);
    await refused(ask(fourth), 'limit-reached', WORDS);
    await set({ maxHostsPerPrincipal: 4 });
    await ask(fourth);
  });

  it('gets networks for all of its hosts by default', async () => {
    const { register } = await stage();
    for (let number = 0; number < 5; number++) await (await register(`host-${number}`)).pool();
  });
});

describe('the limits of a space', () => {
  const change = async (patch: Parameters<typeof changeSpace>[1]['patch']) =>
    changeSpace((await stage()).deps, { space: 'ci', patch, ifRev: undefined, force: false });

  it('can be set and removed by an operator', async () => {
    const { deps } = await stage();
    const set = (patch: Parameters<typeof changeSpace>[1]['patch']) =>
      changeSpace(deps, { space: 'ci', patch, ifRev: undefined, force: false });
    const limits = { widest4: 12, widest6: 48, givenOutside: false, maxHostsPerPrincipal: 3 };
    const { config, settings } = await set(limits);
    assert.deepEqual({ ...settings, ...limits }, settings);
    assert.deepEqual([config.widest, config.givenOutside, config.maxHostsPerPrincipal], [{ 4: 12, 6: 48 }, false, 3]);
    const back = await set({ widest4: null, widest6: null, givenOutside: null, maxHostsPerPrincipal: null });
    assert.deepEqual([back.config.widest, back.config.givenOutside], [{ 4: 8, 6: 32 }, true]);
    assert.equal(back.config.maxHostsPerPrincipal, undefined);
  });

  for (const [what, patch, words] of [
    ['a prefix of no length', { widest4: 33 }, /^bad value 33 for widest4/],
    ['half a host', { maxHostsPerPrincipal: 0.5 }, /^bad value 0\.5 for max-hosts-per-principal/],
    ['what automatic pools exceed', { widest4: 26 }, /^size4 \/24 is wider than widest4 \/26; change one of them$/],
  ] as const) {
    it(`are not ${what}`, () => refused(change(patch), 'invalid-request', words));
  }
});
