/** An address has one user at a time, and no address leaks, whether a write is lost, late or repeated. */
import { takes, time, together, useAddress, uses } from './actors.ts';
import { type Check, holds, survives, violated } from './check.ts';
import type { Actor, Model } from './simulation.ts';
import { MAC, OTHER_MAC, own, sharing } from './stands.ts';

/** An endpoint that is started again: it releases its address and asks again. */
const restarts = (name: string, options = MAC, wish = ''): Actor => ({
  name,
  play: async (me) => {
    if ((await useAddress(me, { wish, options })) !== undefined) await useAddress(me, { wish, options });
  },
});

/** A release that Docker sends twice. */
const releasesTwice = (name: string): Actor => ({
  name,
  play: async (me) => {
    const address = await me.address(own(me), '', MAC);
    if (address === undefined) return;
    const drop = await me.hold(own(me), address);
    drop();
    const call = me.call();
    await me.release(own(me), address, call);
    await me.release(own(me), address, call);
  },
});

const model = (
  name: string,
  pool: string,
  hosts: readonly string[],
  faults: number,
  ...actors: readonly Actor[]
): Model => ({
  ...together(sharing(pool, hosts), faults, ...actors),
  name: `${name} on ${pool}`,
});

const TWO = ['a', 'b'];
const rivals = (faults: number): Model[] => [
  model('two endpoints', '10.0.0.0/32', TWO, faults, uses('a'), takes('b', '', OTHER_MAC), time),
  model('two endpoints', '10.0.0.0/31', TWO, faults, uses('a'), takes('b', '', OTHER_MAC), time),
  model('two endpoints', 'fd00::/127', TWO, faults, uses('a'), takes('b', '', OTHER_MAC), time),
];

const late = (faults: number): Model[] => [
  model('a late release', '10.0.0.0/32', TWO, faults, uses('a'), takes('b', '', OTHER_MAC), time),
  model('a late release', '10.0.0.0/32', TWO, faults, restarts('a')),
  model('a repeated release', '10.0.0.0/32', TWO, faults, releasesTwice('a'), takes('b', '', OTHER_MAC)),
];

const given = (faults: number): Model[] => [
  model('one address asked for explicitly', '10.0.0.0/31', TWO, faults, ...TWO.map((name) => uses(name, '10.0.0.1'))),
  model(
    'one address asked for explicitly',
    '10.0.0.0/31',
    TWO,
    faults,
    restarts('a', MAC, '10.0.0.1'),
    takes('b', '10.0.0.1'),
  ),
  model(
    'one address asked for explicitly, one chosen by Berth',
    '10.0.0.0/31',
    TWO,
    faults,
    uses('a', '10.0.0.1'),
    takes('b'),
  ),
];

export const addresses: readonly Check[] = [
  holds('two endpoints want one address, with one faulty write', rivals(1)),
  holds('a release arrives late, twice, or after another endpoint has taken the address', late(1)),
  holds('endpoints ask for an address explicitly', given(1)),
  survives(
    'three endpoints share two addresses, with two faulty writes',
    [
      model(
        'three endpoints',
        '10.0.0.0/31',
        ['a', 'b', 'c'],
        2,
        restarts('a'),
        uses('b', '', OTHER_MAC),
        takes('c', '10.0.0.0'),
      ),
      model(
        'three endpoints',
        '10.0.0.0/31',
        ['a', 'b', 'c'],
        2,
        uses('a'),
        uses('b', '', OTHER_MAC),
        uses('c', '', OTHER_MAC),
      ),
    ],
    1_000,
  ),
  violated('fails when a claim does not check that the address is free', rivals(0), /is held (under|twice)/, [
    {
      within: 'meets',
      find: 'return current === undefined || current < freedBefore(expectation.cooledBy);',
      replace: 'return true;',
    },
  ]),
  violated(
    'fails when a slot is overwritten whatever its value',
    [...rivals(0), ...given(0)],
    /is held (under|twice)/,
    [{ within: 'meets', find: 'return current === expectation.value;', replace: 'return true;' }],
  ),
  violated('fails when a release ends any lease of the slot', late(1), /is held under/, [
    {
      within: 'MemoryStore.releaseSlot',
      find: 'current !== undefined && from <= current && current <= to;',
      replace: "current !== undefined && current.startsWith('L');",
    },
  ]),
  violated('fails when a release also ends a later lease of its network', late(1), /is held under/, [
    { within: 'leasesUpTo', find: '`L${ref}.${sequence}`,', replace: '`L${ref}.~`,' },
  ]),
];
