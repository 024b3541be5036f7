/** A host that was given up returns: it revives what it still has, while others clean up, join and take addresses. */
import { asks, forgets, sweeping, sweepsChunks, sweepsTombstones, takes, together, visits } from './actors.ts';
import { type Check, holds, survives, violated } from './check.ts';
import type { Player } from './player.ts';
import {
  LEASED,
  asleep,
  attempts,
  begins,
  comparing,
  fences,
  forgotten,
  givenUp,
  goesOn,
  halfway,
  lost,
  removes,
  returns,
  revives,
} from './revival-stands.ts';
import type { Actor, Model } from './simulation.ts';
import { OTHER_MAC } from './stands.ts';

const POOL = '10.0.0.0/31';
const AROUND = '10.0.0.0/30';
const BOTH = ['a', 'b'];

type Before = (me: Player) => Promise<void>;

/** In the end the host compares its networks with Docker's, and a sweep runs. */
const model = (before: Before, faults: number, ...actors: readonly Actor[]): Model => ({
  ...together(before, faults, ...actors),
  actors: [...actors, comparing, sweeping('sweep of all')],
});

const bTakes = takes('b takes', LEASED, OTHER_MAC);
const again = revives('a revives again');
const orphans = model(givenUp(BOTH), 0, revives('a revives'), sweepsTombstones('sweep of tombstones'));
const forgetting = model(asleep(BOTH), 0, returns, forgets);
const repeated = model(lost, 0, revives('a revives'), again);
const late = model(givenUp(BOTH), 1, { ...attempts, steady: true }, goesOn);
const cutOff = model(halfway, 0, fences, returns);
const begun = model(forgotten, 0, begins);
/** These actors share only pools: no other actor sees what one does to its references and slots. */
const rivals = (...actors: readonly Actor[]): Model => ({
  ...model(lost, 1, ...actors),
  unseen: ['add ref', 'read ref', 'revive ref', 'live ref', 'read host', 'read slots', 'slot', 'holds'],
});

const afterElder = rivals({ ...asks('b', AROUND), steady: true }, revives('a revives'));

export const revivals: readonly Check[] = [
  holds('a network is revived while what it held is cleared up, with one faulty write', [
    orphans,
    model(givenUp(BOTH), 1, revives('a revives'), sweepsTombstones('sweep of tombstones')),
    model(givenUp(BOTH), 1, revives('a revives'), sweepsChunks('sweep of chunks')),
    model(lost, 1, revives('a revives'), sweepsChunks('sweep of chunks')),
    model(lost, 1, revives('a revives'), sweepsTombstones('sweep of tombstones')),
  ]),
  holds('a host returns while it is forgotten, and while another host takes the address that it leased', [
    forgetting,
    model(asleep(['a']), 0, returns, forgets),
    model(asleep(BOTH), 1, returns, forgets),
    model(givenUp(BOTH), 1, revives('a revives'), bTakes),
    model(givenUp(BOTH), 0, revives('a revives'), bTakes, sweepsChunks('sweep of chunks')),
  ]),
  holds('a network is revived while others create pools in the same place', [
    afterElder,
    model(lost, 1, revives('a revives'), asks('b', POOL)),
    model(lost, 0, revives('a revives'), visits('b', POOL)),
  ]),
  holds('a revival is repeated, interrupted by another silence, or late', [
    repeated,
    model(givenUp(BOTH), 0, revives('a revives'), again),
    late,
    cutOff,
  ]),
  holds('the first message of a revival reserves what the network keeps, while another host takes an address', [
    begun,
    model(forgotten, 1, begins, bTakes),
  ]),
  holds('a network is removed while it is revived', [
    model(lost, 0, revives('a revives'), removes),
    model(givenUp(BOTH), 1, revives('a revives'), removes),
  ]),
  survives(
    'networks are revived while others come, go, take addresses and clean up, with one faulty write',
    [
      model(lost, 2, revives('a revives'), asks('b', AROUND)),
      model(lost, 1, revives('a revives'), again, visits('b', AROUND), asks('c', POOL)),
      model(lost, 1, revives('a revives'), again, removes, asks('b', AROUND)),
      model(asleep(BOTH), 1, returns, forgets, bTakes, visits('c', POOL)),
      model(asleep(['a']), 1, returns, forgets, asks('b', AROUND), removes),
      model(halfway, 1, fences, returns, bTakes, removes),
    ],
    1_000,
  ),
  violated('fails when a network that is revived does not write its leases again', [orphans], /slot says/, [
    {
      within: 'takeBack',
      find: '    const outcome = await deps.store.writeSlot(',
      replace: '    if (slot.ref === id.ref) return undefined;\n    const outcome = await deps.store.writeSlot(',
    },
  ]),
  violated('fails when the state of a network is read before its leases', [orphans], /slot says/, [
    {
      within: 'freeOrphans',
      find: '  let freed = 0;\n',
      replace:
        "  let freed = 0;\n  const ended = new Set<string>();\n  for (const { generation, name } of refs) if ((await deps.store.readRef(generation, name))?.state === 'gone') ended.add(name);\n",
    },
    {
      within: 'freeOrphans',
      find: "      if ((await deps.store.readRef(generation, name))?.state !== 'gone') continue;",
      replace: '      if (!ended.has(name)) continue;',
    },
  ]),
  violated('fails when leases are written again before their network is revived', [orphans], /slot says/, [
    {
      within: 'reviveNetwork',
      find: '  const taken: { address: Address; holder: string }[] = [];\n  const { ref',
      replace:
        '  const taken: { address: Address; holder: string }[] = [];\n  for (const held of revival.held) await takeBack(deps, call, id, held);\n  const { ref',
    },
    {
      within: 'reviveNetwork',
      find: '    if (holder !== undefined) taken.push({ address: held.address, holder });\n  }\n  if (!rev',
      replace: '    void holder;\n  }\n  if (!rev',
    },
    {
      within: 'reviveNetwork',
      find: 'const holder = await takeBack(deps, call, id, held);',
      replace: 'const holder = [held];',
    },
  ]),
  violated(
    'fails when an address that was freed on behalf of a host counts as released by it',
    [forgetting],
    /slot says/,
    [{ within: 'IN_PLACE_OF_HOST', find: 'encodeTime(0)', replace: "'z'.repeat(9)" }],
  ),
  violated(
    'fails when a late revival overwrites a lease that was asked for since',
    [late],
    /slot says|the lease .* leaks/,
    [
      {
        within: 'takeBack',
        find: '    if (sequenceOf(slot.requestKey) > sequenceOf(call.requestKey)) return undefined;\n',
        replace: '',
      },
    ],
  ),
  violated(
    'fails when only the last message of a revival reserves what the network keeps',
    [begun],
    /is kept by a network, and is free/,
    [{ within: 'reviveNetwork', find: 'if (isNew || revival.isLast)', replace: 'if (revival.isLast)' }],
  ),
  violated('fails when a network is revived without reading its pool', [repeated], /lost its pool/, [
    { within: 'takeUp', find: 'if (isUp && known', replace: 'if (known' },
  ]),
  violated(
    'fails when all attempts to announce a former pool have the same identity',
    [{ ...afterElder, oneAnnouncementId: true }],
    /pools overlap/,
    [],
  ),
  violated('fails when a network that is being revived wakes', [cutOff], /slot says/, [
    {
      within: 'wake',
      find: "    isLeftBehind(now, host) && now.state !== 'reviving'\n      ? { state: 'live'",
      replace: "    isLeftBehind(now, host)\n      ? { state: 'live'",
    },
  ]),
];
