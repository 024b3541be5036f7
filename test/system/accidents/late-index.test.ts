/** The index that lists the references of a host may lag: usually by seconds, but AWS does not state a maximum. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { INDEX_LAG_MS, LEASE_MS } from '../../../functions/ipam/host.ts';
import { reportDeath, reportDrain } from '../../../functions/ipam/hosts/host-events.ts';
import { resumeHost } from '../../../functions/ipam/hosts/operator-actions.ts';
import type { Ref } from '../../../functions/ipam/ref.ts';
import type { SweepCursor } from '../../../functions/ipam/sweep-cursor.ts';
import { sweep } from '../../../functions/ipam/sweep/sweep.ts';
import { lone } from '../../support/fleet.ts';
import { withoutFailures } from '../../support/whole-sweep.ts';

const MINUTE = 60_000;

/** A host with a network that the index shows only after `lag` ms. */
async function stage(lag: number) {
  const { deps, host } = lone();
  const register = () => host.register();
  await register();
  const net = await host.pool({ pool: '10.1.0.0/24' });
  const shownAt = deps.world.now() + lag;
  const index = deps.store.refsOfHost.bind(deps.store);
  deps.store.refsOfHost = (...args) =>
    deps.world.now() < shownAt ? Promise.resolve({ items: [], more: false }) : index(...args);
  let cursor: SweepCursor | undefined;
  /** Runs the sweeps of a period, one every five minutes. */
  const sweepFor = async (time: number): Promise<void> => {
    for (let gone = 0; gone < time; gone += 5 * MINUTE) {
      deps.world.advance(5 * MINUTE);
      ({ cursor } = await withoutFailures(sweep(deps, { deadline: Infinity, limit: 1_000, cursor })));
    }
  };
  const states = (): Ref['state'][] => [...deps.store.refs.values()].map(({ state }) => state);
  return { deps, host, net, register, sweepFor, states };
}

describe('a host whose networks appear late in the index', () => {
  for (const [lag, how] of [
    [100_000, 'by 100 s'],
    [Infinity, 'never'],
  ] as const) {
    it(`keeps none of them when it is dead, although they appear ${how}`, async () => {
      const { deps, sweepFor, states } = await stage(lag);
      await reportDeath(deps, 'a', 'gone');
      assert.deepEqual(states(), ['live']);
      await sweepFor(61 * MINUTE);
      assert.deepEqual(
        states().filter((state) => state !== 'gone'),
        [],
      );
    });

    it(`has all of them put to sleep when it is silent, although they appear ${how}`, async () => {
      const { deps, sweepFor, states } = await stage(lag === Infinity ? lag : LEASE_MS + lag);
      deps.world.advance(LEASE_MS);
      await sweepFor(2 * 61 * MINUTE);
      assert.deepEqual(states(), ['dormant']);
    });
  }

  it('has them at once when a drain is lifted and it registers again, although they appear after 4 s', async () => {
    const { deps, host, net, register } = await stage(4_000);
    await reportDrain(deps, 'a', 'soon');
    await resumeHost(deps, 'a');
    deps.world.advance(5_000);
    const { epoch } = await register();
    assert.equal(await host.address(net, '10.1.0.7', {}, host.call({ epoch })), '10.1.0.7');
  });

  it('has them within an hour when a drain is lifted, although they never appear', async () => {
    const { deps, host, net, register, sweepFor } = await stage(Infinity);
    await reportDrain(deps, 'a', 'soon');
    await resumeHost(deps, 'a');
    for (let i = 0; i < 7; i++) {
      await register();
      await sweepFor(10 * MINUTE);
    }
    const { epoch } = await register();
    assert.equal(await host.address(net, '10.1.0.7', {}, host.call({ epoch })), '10.1.0.7');
  });

  it('is not looked at any more once the index has had time to catch up', async () => {
    const { deps, register } = await stage(0);
    await reportDrain(deps, 'a', 'soon');
    await resumeHost(deps, 'a');
    deps.world.advance(INDEX_LAG_MS - 1);
    await register();
    assert.equal(deps.store.hosts.get('a')?.refsLag, true);
    deps.world.advance(1);
    await register();
    assert.equal(deps.store.hosts.get('a')?.refsLag, false);
  });
});
