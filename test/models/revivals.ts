/** A host was given up and returns: what it still has it takes up again, while others clear up, come and take. */
import { type Check, holds, survives, violated } from './check.ts';
import { nothingLeaks, sound } from './invariants.ts';
import type { Player } from './player.ts';
import {
  asks,
  asleep,
  attempts,
  comparing,
  fences,
  forgets,
  givenUp,
  goesOn,
  halfway,
  lost,
  removes,
  returns,
  revives,
  sweeping,
  sweepsChunks,
  sweepsTombstones,
  takes,
  visits,
} from './revival-stands.ts';
import type { Actor, Model } from './simulation.ts';

const POOL = '10.0.0.0/31';
const AROUND = '10.0.0.0/30';
const BOTH = ['a', 'b'];

type Before = (me: Player) => Promise<void>;

/** In the end the host compares what it has, and all is swept. */
const model = (before: Before, faults: number, ...actors: readonly Actor[]): Model => ({
  name: actors.map(({ name }) => name).join(', '),
  ...{ before, faults, always: sound, finally: nothingLeaks },
  actors: [...actors, comparing, sweeping],
});

const again = revives('a revives again');
const orphans = model(givenUp(BOTH), 0, revives('a revives'), sweepsTombstones);
const forgotten = model(asleep(BOTH), 0, returns, forgets);
const repeated = model(lost, 0, revives('a revives'), again);
const late = model(givenUp(BOTH), 1, { ...attempts, steady: true }, goesOn);
const cutOff = model(halfway, 0, fences, returns);
/** They meet at pools alone: what each does to its references and slots is nobody else's business. */
const rivals = (...actors: readonly Actor[]): Model => ({
  ...model(lost, 1, ...actors),
  unseen: ['add ref', 'read ref', 'revive ref', 'live ref', 'read host', 'read slots', 'slot', 'holds'],
});

const afterElder = rivals({ ...asks('b', AROUND), steady: true }, revives('a revives'));

export const revivals: readonly Check[] = [
  holds('a network is taken up again while what it held is cleared up, with a write gone astray', [
    orphans,
    model(givenUp(BOTH), 1, revives('a revives'), sweepsTombstones),
    model(givenUp(BOTH), 1, revives('a revives'), sweepsChunks),
    model(lost, 1, revives('a revives'), sweepsChunks),
    model(lost, 1, revives('a revives'), sweepsTombstones),
  ]),
  holds('a host returns while it is forgotten, and while another takes what it leased', [
    forgotten,
    model(asleep(['a']), 0, returns, forgets),
    model(asleep(BOTH), 1, returns, forgets),
    model(givenUp(BOTH), 1, revives('a revives'), takes),
    model(givenUp(BOTH), 0, revives('a revives'), takes, sweepsChunks),
  ]),
  holds('a network is taken up again while others create pools there', [
    afterElder,
    model(lost, 1, revives('a revives'), asks('b', POOL)),
    model(lost, 0, revives('a revives'), visits('b', POOL)),
  ]),
  holds('a revival is repeated, cut off by another silence, or comes late', [
    repeated,
    model(givenUp(BOTH), 0, revives('a revives'), again),
    late,
    cutOff,
  ]),
  holds('a network is removed while it is taken up again', [
    model(lost, 0, revives('a revives'), removes),
    model(givenUp(BOTH), 1, revives('a revives'), removes),
  ]),
  survives(
    'networks are taken up again while others come, go, take and clear up, with a write gone astray',
    [
      model(lost, 2, revives('a revives'), asks('b', AROUND)),
      model(lost, 1, revives('a revives'), again, visits('b', AROUND), asks('c', POOL)),
      model(lost, 1, revives('a revives'), again, removes, asks('b', AROUND)),
      model(asleep(BOTH), 1, returns, forgets, takes, visits('c', POOL)),
      model(asleep(['a']), 1, returns, forgets, asks('b', AROUND), removes),
      model(halfway, 1, fences, returns, takes, removes),
    ],
    1_000,
  ),
  violated('fails when a network that is taken up again does not write its leases anew', [orphans], /slot says/, [
    {
      within: 'takeBack',
      find: '    const outcome = await deps.store.writeSlot(',
      replace: '    if (slot.ref === id.ref) return undefined;\n    const outcome = await deps.store.writeSlot(',
    },
  ]),
  violated('fails when it is asked whether a network has ended before its leases are read', [orphans], /slot says/, [
    {
      within: 'freeIn',
      find: '  const chunks = await',
      replace:
        "  const ended = new Set<string>();\n  for (const name of names) if ((await deps.store.readRef(generation, name))?.state === 'gone') ended.add(name);\n  const chunks = await",
    },
    {
      within: 'freeIn',
      find: "    if ((await deps.store.readRef(generation, name))?.state !== 'gone') continue;",
      replace: '    if (!ended.has(name)) continue;',
    },
  ]),
  violated('fails when leases are written anew before their network stands again', [orphans], /slot says/, [
    {
      within: 'reviveNetwork',
      find: '  const taken: { address: Address; holder: string }[] = [];\n  const { ref, isNew }',
      replace:
        '  const taken: { address: Address; holder: string }[] = [];\n  for (const { address, ...endpoint } of revival.held) await takeBack(deps, call, id, address, endpoint);\n  const { ref, isNew }',
    },
    {
      within: 'reviveNetwork',
      find: '    if (holder !== undefined) taken.push({ address, holder });\n  }\n  if (!rev',
      replace: '    void holder;\n  }\n  if (!rev',
    },
    {
      within: 'reviveNetwork',
      find: 'const holder = await takeBack(deps, call, id, address, endpoint);',
      replace: 'const holder = [address, endpoint];',
    },
  ]),
  violated('fails when what was freed in the place of a host counts as released by it', [forgotten], /slot says/, [
    { within: 'IN_PLACE_OF_HOST', find: 'encodeTime(0)', replace: "'z'.repeat(9)" },
  ]),
  violated(
    'fails when a revival that comes late writes over what was asked for since',
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
  violated('fails when a network is taken up again without a look at its pool', [repeated], /lost its pool/, [
    { within: 'takeUp', find: 'if (isUp && known', replace: 'if (known' },
  ]),
  violated(
    'fails when all attempts to announce a former pool are one and the same',
    [{ ...afterElder, oneAnnouncementId: true }],
    /pools overlap/,
    [],
  ),
  violated('fails when a network wakes that was to be taken up again', [cutOff], /slot says/, [
    {
      within: 'wake',
      find: "    isLeftBehind(now, host) && now.state !== 'reviving'\n      ? { state: 'live'",
      replace: "    isLeftBehind(now, host)\n      ? { state: 'live'",
    },
  ]),
];
