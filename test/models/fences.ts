/** A host falls silent, is fenced, and returns or is forgotten. */
import { asks, forgets, takes, together } from './actors.ts';
import { type Check, holds, violated } from './check.ts';
import { allIsAwake, fencing, isFenced, nothingFencedIsAwake, registers, returnHome, returning } from './hosts.ts';
import { nothingLeaks } from './invariants.ts';
import type { Player } from './player.ts';
import type { Actor, Model, State } from './simulation.ts';
import { OTHER_MAC, own, sharing, leases } from './stands.ts';

const POOL = '10.0.0.0/31';
const LEASED = '10.0.0.0';

/** Hosts `a` and `b` share a pool; `a` has a lease and falls silent. */
async function silent(me: Player): Promise<void> {
  await sharing(POOL, ['a', 'b'])(me);
  await leases(me, LEASED);
  await registers(me);
}

async function asleep(me: Player): Promise<void> {
  await silent(me);
  await isFenced(me);
  me.giveUp('a drops its lease');
  me.giveUp('a drops');
}

const claims = (afterwards: boolean): Actor => ({ ...takes('a claims', '', OTHER_MAC), afterwards });

/** The release was journalled before the host fell silent. */
const releases: Actor = {
  name: 'a releases',
  play: async (me) => {
    me.giveUp('a drops its lease');
    await me.release(own(me), LEASED);
  },
};

const returns: Actor = {
  name: 'a returns',
  play: async (me) => {
    await me.wait(0);
    await returnHome(me);
  },
};

const joins = asks('a joins', POOL);
const bTakes = takes('b takes', LEASED, OTHER_MAC);

const onlyTheOldLease = (state: State): string | undefined =>
  [...state.holdings].some(({ address }) => address !== undefined && address !== LEASED)
    ? 'a fenced epoch was given an address'
    : nothingFencedIsAwake(state);

const model = (
  before: (me: Player) => Promise<void>,
  faults: number,
  last: (state: State) => string | undefined,
  ...actors: readonly Actor[]
): Model => ({
  ...together(before, faults, ...actors),
  finally: last,
});

const awakeAndClean = (state: State): string | undefined => nothingLeaks(state) ?? allIsAwake(state);

const meeting = (faults: number): Model => model(asleep, faults, nothingLeaks, returning('a'), forgets);
const withTaker = model(asleep, 0, nothingLeaks, returning('a'), forgets, bTakes);
const pending = model(silent, 0, awakeAndClean, fencing('fence'), returns, releases);

export const fences: readonly Check[] = [
  holds('a fenced epoch gets no new address, and loses nothing', [
    model(silent, 1, onlyTheOldLease, fencing('fence'), claims(true)),
    model(silent, 0, onlyTheOldLease, fencing('fence'), fencing('fence again'), claims(true)),
    model(silent, 0, () => undefined, fencing('fence'), claims(false), bTakes),
  ]),
  holds('no network of a fenced epoch comes to life', [
    model(silent, 0, nothingFencedIsAwake, fencing('fence'), joins),
    model(silent, 1, nothingFencedIsAwake, fencing('fence'), { ...joins, steady: true }),
  ]),
  holds('a host returns while it is fenced, and its releases take effect', [
    pending,
    model(silent, 1, awakeAndClean, fencing('fence'), { ...returns, steady: true }, { ...releases, steady: true }),
    model(silent, 0, allIsAwake, fencing('fence'), fencing('fence again'), returns),
  ]),
  holds('a network either wakes or is forgotten', [meeting(0), meeting(1), withTaker]),
  violated(
    'fails when a fence does not put references to sleep',
    [model(silent, 0, onlyTheOldLease, fencing('fence'), claims(true))],
    /a fenced epoch was given an address/,
    [{ within: 'fenceHost', find: '    if (await quiet(deps, host, ref)) quieted++;', replace: '    void ref;' }],
  ),
  violated(
    'fails when a network is added without reading its host',
    [model(silent, 0, nothingFencedIsAwake, fencing('fence'), joins)],
    /of a fenced epoch lives/,
    [
      {
        within: 'addRefWithGateway',
        find: '  refuseUnfit(host, call);',
        replace: '  void [host, refuseUnfit];',
      },
    ],
  ),
  violated(
    'fails when a host is read before its network is added',
    [model(silent, 0, nothingFencedIsAwake, fencing('fence'), joins)],
    /of a fenced epoch lives/,
    [
      {
        within: 'addRefWithGateway',
        find: '  const { gateway } = ref;\n',
        replace: '  const { gateway } = ref;\n  refuseUnfit(await deps.store.readHost(ref.hostId), call);\n',
      },
      {
        within: 'addRefWithGateway',
        find: '  ]);\n  refuseUnfit(host, call);',
        replace: '  ]);\n  void host;',
      },
    ],
  ),
  violated('fails when a reference is changed whatever its state', [meeting(0), withTaker], /slot says|lost its/, [
    {
      within: 'MemoryStore.changeRefState',
      find: 'const same = ref?.state === seen.state && ref.epoch === seen.epoch;',
      replace: 'const same = ref !== undefined;',
    },
  ]),
  violated('fails when a host that wakes writes its leases again', [pending], /the lease .* leaks/, [
    {
      within: 'wakeRefs',
      find: '    await wakeOwn(deps, host, ref);\n',
      replace: `    await wakeOwn(deps, host, ref);
    for (const { index, slots } of await deps.store.readChunks(ref.generation, 0n, 0n)) {
      for (const [slot, value] of slots.entries()) {
        if (value?.startsWith('L' + ref.name) !== true) continue;
        const again = value.slice(0, 16) + 'zzzzzzzzz' + value.slice(25);
        await deps.store.writeSlot({ generation: ref.generation, chunk: index, slot }, again, undefined, { kind: 'exactly', value });
      }
    }
`,
    },
  ]),
  violated('fails when a network is freed before it is gone', [meeting(0)], /slot says/, [
    {
      within: 'freeOrphans',
      find: "      if ((await deps.store.readRef(generation, name))?.state !== 'gone') continue;\n",
      replace: '',
    },
    {
      within: 'reclaim',
      find: '  const isEnded = await',
      replace: '  await freeOrphans(deps, IN_PLACE_OF_HOST, [seen]);\n  const isEnded = await',
    },
  ]),
];
