/** Leaders of a swarm, one after another or at once: the last one must win, whatever their clocks say. */
import { type Check, holds, violated } from './check.ts';
import { sound } from './invariants.ts';
import type { Player } from './player.ts';
import type { Actor, Model, State } from './simulation.ts';

const SPACE = 'default.global';
const POOL = '10.0.0.0/30';
const SERIAL = { 'com.docker.network.ipam.serial': 'true' };
const GATEWAY = { ...SERIAL, RequestAddressType: 'com.docker.network.gateway' };
/** ms by which the clock of a leader was once ahead. */
const AHEAD = 30 * 86_400_000;

/** An operator has named both as managers. */
const named = async (me: Player): Promise<void> => {
  await me.deps.store.writeSpace(SPACE, { managers: ['former', 'leader'] }, undefined);
};

const plans = (me: Player, hostId: string, requestKey?: string): Promise<string | undefined> =>
  me.unlessRefused(async () => {
    const call = me.call({ hostId, ...(requestKey !== undefined && { requestKey }) });
    const wish = { addressSpace: SPACE, pool: POOL, subPool: '', v6: false, options: {}, avoid: [] };
    return (await me.stage.rules.requestPool(me.inProcess, call, wish)).poolId;
  });

/** A leader has its pool, which it asked for while its clock was ahead. */
async function planned(me: Player): Promise<void> {
  await named(me);
  const key = (me.deps.world.now() + AHEAD).toString(36).padStart(9, '0');
  me.remember('former', (await plans(me, 'former', `${key}abcd`)) ?? '');
}

/** Asks for the gateway, which ends the networks of earlier leaders. */
const leads = async (me: Player, poolId: string): Promise<void> => {
  await me.address(poolId, '', GATEWAY);
};

const starts = (name: string): Actor => ({
  name,
  play: async (me) => {
    const poolId = await plans(me, me.hostId);
    if (poolId !== undefined) await leads(me, poolId);
  },
});

/** Continues its request although another manager leads by then. */
const goesOn: Actor = {
  name: 'former',
  play: async (me) => {
    await leads(me, me.recall('former'));
    await leads(me, me.recall('former'));
  },
};

const standing = ({ memory }: State): string[] =>
  [...memory.refs.values()].filter(({ state }) => state === 'live').map(({ hostId }) => hostId);

const after: Model = {
  name: 'a leader that is late, and the one after it',
  before: planned,
  actors: [goesOn, starts('leader')],
  faults: 0,
  always: sound,
  finally: (state) => {
    const hosts = standing(state);
    return hosts.join() === 'leader' ? undefined : `the networks of ${hosts.join() || 'no leader'} are left`;
  },
};

const together: Model = {
  name: 'two leaders at once',
  before: named,
  actors: [starts('former'), starts('leader')],
  faults: 0,
  always: sound,
  finally: (state) => (standing(state).length > 0 ? undefined : 'no leader has a network'),
};

export const leaders: readonly Check[] = [
  holds('the last leader has the network, although the clock of the former one was ahead', [after]),
  holds('exactly one of the leaders that start at once has the network', [together]),
  violated('fails when leaders are ordered by their clocks', [after], /the networks of .* are left/, [
    {
      within: 'isElder',
      find: '  (ref.term ?? 0) < (own.term ?? 0) || ((ref.term ?? 0) === (own.term ?? 0) && ref.requestKey < own.requestKey);',
      replace: '  ref.requestKey < own.requestKey;',
    },
  ]),
  violated('fails when a leader ends the networks of every other leader', [together], /no leader has a network/, [
    {
      within: 'takeOverFromFormerLeaders',
      find: "ref.state !== 'gone' && isElder(ref, own)",
      replace: "ref.state !== 'gone' && ref.name !== own.name && isElder !== undefined",
    },
  ]),
];
