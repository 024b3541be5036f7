/** A name stands for one pool, whichever host asks for it first. */
import { type Check, falls, holds, survives } from './check.ts';
import { networkOf, nothingLeaks, sound } from './invariants.ts';
import type { Actor, Model, State } from './simulation.ts';

const WISH = { options: { 'berth.name': 'shared' } };

const asks = (name: string): Actor => ({
  name,
  play: async (me) => {
    const net = await me.pool(WISH);
    if (net !== undefined) await me.hold(net.poolId);
  },
});

const visits = (name: string): Actor => ({
  name,
  play: async (me) => {
    const net = await me.pool(WISH);
    if (net === undefined) return;
    const drop = await me.hold(net.poolId);
    drop();
    await me.leave(net.poolId);
  },
});

function soundAndShared(state: State): string | undefined {
  const generations = new Set([...state.holdings].map(({ poolId }) => networkOf(poolId).generation));
  return generations.size > 1 ? 'one name stands for two pools at once' : sound(state);
}

const model = (faults: number, ...actors: readonly Actor[]): Model => ({
  name: actors.map(({ name }) => name).join(', '),
  actors,
  faults,
  always: soundAndShared,
  finally: nothingLeaks,
});

export const names: readonly Check[] = [
  holds('two hosts ask for a name at once, with one faulty write', [model(1, asks('a'), asks('b'))]),
  holds('a host asks for a name that another gives up', [model(0, visits('a'), asks('b'))]),
  survives(
    'hosts that ask for a name come and go, with two faulty writes',
    [model(2, asks('a'), visits('b'), asks('c')), model(2, visits('a'), visits('b'), visits('c'))],
    1_000,
  ),
  falls(
    'fails when a name is overwritten whatever pool it stands for',
    [model(0, asks('a'), asks('b'))],
    /two pools at once/,
    [
      {
        within: 'MemoryStore.writePoolName',
        find: 'if (standing?.generation !== seen?.generation && standing?.generation !== pool.generation)',
        replace: 'if (standing?.generation === "never")',
      },
    ],
  ),
  falls(
    'fails when a host that loses a name keeps the pool that it made',
    [model(0, asks('a'), asks('b'))],
    /leaks|two pools at once/,
    [{ within: 'joinNamedPool', find: '    await leavePool(deps, grant.ref);\n', replace: '' }],
  ),
];
