/** A call that is sent again because its first attempt was not answered has one effect in the end, or none. */
import { time, together, useAddress, uses, visits } from './actors.ts';
import { type Check, holds, violated } from './check.ts';
import type { Player } from './player.ts';
import type { Actor, Model } from './simulation.ts';
import { MAC, OTHER_MAC, own, sharing } from './stands.ts';

const POOL = '10.0.0.0/30';

/** What the host does with an answer: the first that arrives goes to dockerd and into the journal. */
async function answered(me: Player, answer: string | undefined, hold: (answer: string) => Promise<() => void>) {
  if (answer === undefined || me.stage.notes.has('answer')) return;
  me.remember('answer', answer);
  me.remember('drop', await hold(answer));
}

interface Wish {
  readonly address?: string;
  readonly options?: typeof MAC;
  readonly mayFail?: boolean;
}

/** One attempt of the call that is in the journal. */
const attempt = (number: number, { address = '', options = MAC, mayFail = false }: Wish): Actor => ({
  name: `a attempt ${number}`,
  mayFail,
  play: async (me) => {
    const call = me.call({ requestKey: me.recall('key'), attempt: number });
    const answer = await me.address(own(me), address, options, call);
    await answered(me, answer, (given) => me.hold(own(me), given));
  },
});

/** The function starts only after a while. */
const late = (actor: Actor): Actor => ({
  ...actor,
  play: async (me) => {
    await me.wait(0);
    await actor.play(me);
  },
});

/** An attempt whose answer dockerd gets, and releases at once. */
const attemptAndRelease = (number: number, { address = '', options = MAC }: Wish): Actor => ({
  name: `a attempt ${number}`,
  play: async (me) => {
    const call = me.call({ requestKey: me.recall('key'), attempt: number });
    await useAddress(me, { wish: address, options, call });
  },
});

/** An attempt whose caller no longer waits. */
const forgotten = (number: number, { address = '', options = MAC }: Wish): Actor => ({
  name: `a attempt ${number}`,
  play: async (me) => {
    await me.address(own(me), address, options, me.call({ requestKey: me.recall('key'), attempt: number }));
  },
});

/** Undoes what the call has left, except for the answer that dockerd got. */
async function settleAddress(me: Player, { address = '', options = MAC }: Wish): Promise<void> {
  const keep = me.stage.notes.has('answer') ? me.recall('answer') : undefined;
  const request = { poolId: own(me), address, options, requestKey: me.recall('key'), keep };
  await me.stage.rules.settleAddress(me.deps, me.call(), request);
}

const settles = (wish: Wish): Actor => ({
  name: 'a settles',
  afterwards: true,
  play: (me) => settleAddress(me, wish),
});

async function settlePool(me: Player): Promise<void> {
  const keep = me.stage.notes.has('answer') ? me.recall('answer') : undefined;
  await me.stage.rules.settlePool(me.deps, me.call(), { requestKey: me.recall('key'), keep });
}

const settlesPool: Actor = { name: 'a settles', afterwards: true, play: settlePool };

/** A failed call is settled at once, but not again when no attempt can be in flight any more. */
const atOnce = (actor: Actor, settle: (me: Player) => Promise<void>): Actor => ({
  ...actor,
  play: async (me) => {
    try {
      await actor.play(me);
    } catch {
      await settle(me);
    }
  },
});

const on = (pool: string, faults: number, ...actors: readonly Actor[]): Model => ({
  ...together(sharing(pool, ['a', 'b']), faults, ...actors),
  name: `${actors.map(({ name }) => name).join(', ')} on ${pool}`,
});
const usesOther = (address = ''): Actor => uses('b', address, OTHER_MAC);

const GIVEN: Wish = { address: '10.0.0.1' };
const FAILS: Wish = { mayFail: true };

const unsettled = (faults: number): Model[] => [
  on('10.0.0.0/31', faults, late(attempt(1, {})), attempt(2, {}), usesOther(), time),
  on('10.0.0.0/31', faults, attempt(1, GIVEN), attempt(2, GIVEN), usesOther('10.0.0.1')),
];
const failing = (settling: Actor[]): Model[] => [
  on('10.0.0.0/31', 1, attempt(1, FAILS), attempt(2, FAILS), ...settling),
  on('10.0.0.0/31', 1, attempt(1, FAILS), usesOther(), time, ...settling),
];
const failingGiven = on(
  '10.0.0.0/31',
  1,
  attempt(1, { ...GIVEN, mayFail: true }),
  usesOther('10.0.0.1'),
  settles(GIVEN),
);
const overtaken = (pool: string, wish: Wish): Model => on(pool, 0, attemptAndRelease(1, wish), forgotten(2, wish));

/** One attempt of a request for a pool. */
const poolAttempt = (number: number, mayFail: boolean): Actor => ({
  name: `a attempt ${number}`,
  mayFail,
  play: async (me) => {
    const net = await me.pool({ pool: POOL }, me.call({ requestKey: me.recall('key'), attempt: number }));
    await answered(me, net?.poolId, (poolId) => me.hold(poolId));
  },
});

/** dockerd releases the network again, and the journal records it. */
const poolGivenUp: Actor = {
  name: 'a gives up',
  play: async (me) => {
    if (!me.stage.notes.has('answer')) return;
    const poolId = me.recall('answer');
    me.giveUp('drop');
    await me.leave(poolId);
  },
};

const keyIsChosen = (me: Player): Promise<void> => {
  me.remember('key', me.call().requestKey);
  return Promise.resolve();
};
const pools = (faults: number, ...actors: readonly Actor[]): Model => together(keyIsChosen, faults, ...actors);

export const retries: readonly Check[] = [
  holds(
    'two attempts of a request for an address run at once',
    unsettled(0).map(({ actors, ...model }) => ({ ...model, actors: [...actors, settles({})] })),
  ),
  holds('a request for an address is given up, and settled', [...failing([settles({})]), failingGiven]),
  holds('an attempt still runs after its repeat was answered and released', [
    overtaken('10.0.0.0/32', {}),
    overtaken('10.0.0.0/32', { address: '10.0.0.0' }),
  ]),
  holds('two attempts of a request for a pool run at once', [
    pools(0, poolAttempt(1, false), poolAttempt(2, false), settlesPool),
    pools(0, poolAttempt(1, false), poolAttempt(2, false), poolGivenUp, settlesPool),
  ]),
  holds('a request for a pool is given up, and settled', [
    pools(1, poolAttempt(1, true), settlesPool),
    pools(1, poolAttempt(1, true), visits('b', POOL), settlesPool),
  ]),
  violated(
    'fails when two attempts of a request for an address are not settled',
    [on('10.0.0.0/31', 0, late(attempt(1, {})), attempt(2, {}), usesOther(), time)],
    /the lease .* leaks/,
    [],
  ),
  violated(
    'fails when a request for an address is settled at once but not again later',
    [
      on(
        '10.0.0.0/31',
        1,
        atOnce(attempt(1, FAILS), (me) => settleAddress(me, {})),
      ),
    ],
    /the lease .* leaks/,
    [],
  ),
  violated(
    'fails when a request for a pool is not settled',
    [pools(1, poolAttempt(1, true))],
    /reference .* leaks/,
    [],
  ),
  violated(
    'fails when a request for a pool is settled at once but not again later',
    [pools(1, atOnce(poolAttempt(1, true), settlePool))],
    /reference .* leaks/,
    [],
  ),
  violated(
    'fails when an endpoint gets its former address although it was released later than the request',
    [overtaken('10.0.0.0/32', {})],
    /the lease .* leaks/,
    [{ within: 'isOwnPlace', find: ' && state.sequence < seeker.sequence', replace: '' }],
  ),
  violated(
    'fails when an address asked for explicitly is claimed although it was released later than the request',
    [overtaken('10.0.0.0/32', { address: '10.0.0.0' })],
    /the lease .* leaks/,
    [
      {
        within: 'standsInTheWay',
        find: ' && slot.sequence > sequenceOf(call.requestKey)',
        replace: ' && false',
      },
    ],
  ),
];
