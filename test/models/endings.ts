/** A network ends while one of its calls is still in flight. */
import { claims, leaves, takes, together, uses } from './actors.ts';
import { type Check, holds, violated } from './check.ts';
import { networkOf } from './invariants.ts';
import type { Player } from './player.ts';
import type { Actor, Model } from './simulation.ts';
import { leave, sharing } from './stands.ts';

const claimsAndHolds: Actor = {
  name: 'a',
  play: async (me) => {
    await leave(me);
    await takes('a').play(me);
  },
};

async function freeOrphans(me: Player): Promise<void> {
  const { generation, ref } = networkOf(me.recall('a'));
  const ended = await me.deps.store.readRef(generation, ref);
  if (ended?.state === 'gone') await me.stage.rules.freeOrphans(me.deps, me.call(), [ended]);
}

const sweeps: Actor = { name: 'sweep', afterwards: true, play: freeOrphans };
const sweepsAtOnce: Actor = { name: 'sweep', play: freeOrphans };

const model = (faults: number, ...actors: readonly Actor[]): Model =>
  together(sharing('10.0.0.0/31', ['a', 'b']), faults, ...actors);

/** Docker does not ask for a network that it removes, but a late attempt of an earlier call may still arrive. */
const late = claims('a');

export const endings: readonly Check[] = [
  holds('a network ends while an address is claimed for it, and nothing leaks once it is cleared up', [
    model(1, late, leaves('a leaves'), sweeps),
    model(0, late, leaves('a leaves'), uses('b'), sweeps),
  ]),
  holds('an ended network gets no address', [model(1, claimsAndHolds, sweeps)]),
  violated(
    'fails when the leases of an ended network are cleared up only once',
    [model(1, late, leaves('a leaves'), sweepsAtOnce)],
    /the lease .* leaks/,
    [],
  ),
  violated(
    'fails when a claim does not check whether its network has ended',
    [model(0, claimsAndHolds, sweeps)],
    /lost its reference/,
    [
      {
        within: 'whyUnusable',
        find: "  if (ref === undefined || ref.state === 'gone') {",
        replace: '  if (ref === undefined) {',
      },
    ],
  ),
  violated(
    'fails when a claim for an ended network is refused but not undone',
    [model(0, claimsAndHolds)],
    /the lease .* leaks/,
    [
      {
        within: 'lease',
        find: '    await freeExactly(deps, call, id.ref, place, value);',
        replace: '    void [place, value];',
      },
    ],
  ),
];
