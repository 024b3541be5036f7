/** A name stands for one pool, whichever host asks for it first. */
import { asks, together, visits } from './actors.ts';
import { type Check, falls, holds, survives } from './check.ts';
import { networkOf, sound } from './invariants.ts';
import type { Actor, Model, State } from './simulation.ts';

const WISH = { options: { 'berth.name': 'shared' } };

const takes = (name: string): Actor => asks(name, WISH);
const comesAndGoes = (name: string): Actor => visits(name, WISH);

function soundAndShared(state: State): string | undefined {
  const generations = new Set([...state.holdings].map(({ poolId }) => networkOf(poolId).generation));
  return generations.size > 1 ? 'one name stands for two pools at once' : sound(state);
}

const model = (faults: number, ...actors: readonly Actor[]): Model => ({
  ...together(undefined, faults, ...actors),
  always: soundAndShared,
});

export const names: readonly Check[] = [
  holds('two hosts ask for a name at once, with one faulty write', [model(1, takes('a'), takes('b'))]),
  holds('a host asks for a name that another gives up', [model(0, comesAndGoes('a'), takes('b'))]),
  survives(
    'hosts that ask for a name come and go, with two faulty writes',
    [
      model(2, takes('a'), comesAndGoes('b'), takes('c')),
      model(2, comesAndGoes('a'), comesAndGoes('b'), comesAndGoes('c')),
    ],
    1_000,
  ),
  falls(
    'fails when a name is overwritten whatever pool it stands for',
    [model(0, takes('a'), takes('b'))],
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
    [model(0, takes('a'), takes('b'))],
    /leaks|two pools at once/,
    [{ within: 'joinNamedPool', find: '    await leavePool(deps, grant.ref);\n', replace: '' }],
  ),
];
