/** An address that networks keep from endpoints stays reserved as long as one of them keeps it, and no longer. */
import { asks, claims, leaves, takes, together } from './actors.ts';
import { type Check, falls, holds, survives, violated } from './check.ts';
import type { Actor, Model } from './simulation.ts';
import { leave, own, sharing } from './stands.ts';

const POOL = '10.0.0.0/29';
const GATEWAY = '10.0.0.1';
const OTHER = '10.0.0.2';
const FOR_GATEWAY = { RequestAddressType: 'com.docker.network.gateway' };
const OPTIONS = { 'berth.gateway': GATEWAY };

const keepsAndLeaves = (name: string, address: string): Actor => ({
  name: `${name} keeps ${address} and leaves`,
  play: async (me) => {
    await me.address(own(me), address);
    await leave(me);
  },
});

const leavesPool = (name: string): Actor => leaves(`${name} leaves`);
const joins = (name: string): Actor => asks(`${name} joins`, { pool: POOL, options: OPTIONS });
const moves = (name: string): Actor => claims(`${name} moves its gateway`, OTHER, FOR_GATEWAY);
/** As for `--aux-address`: a request without a MAC is not for an endpoint. */
const keeps = (name: string, address: string): Actor => claims(`${name} keeps ${address}`, address, {});

const model = (faults: number, hosts: readonly string[], ...actors: readonly Actor[]): Model =>
  together(sharing(POOL, hosts, OPTIONS), faults, ...actors);

const meeting = (faults: number): Model[] => [
  model(faults, ['a', 'c'], leavesPool('a'), joins('b')),
  model(faults, ['a', 'b'], leavesPool('a'), moves('b')),
  model(faults, ['a', 'b'], keepsAndLeaves('a', OTHER), keeps('b', OTHER)),
];

export const reservations: readonly Check[] = [
  holds('one network leaves while another keeps the same addresses', [
    ...meeting(0),
    model(0, ['a', 'b', 'c'], keepsAndLeaves('a', OTHER), keeps('b', OTHER), keeps('c', OTHER)),
  ]),
  holds('one network moves its gateway while another joins', [model(0, ['a'], moves('a'), joins('b'))]),
  holds('an endpoint takes an address that a network wants to keep', [
    model(1, ['a', 'b'], keeps('a', OTHER), takes('b takes', OTHER)),
    model(0, ['a', 'b'], moves('a'), takes('b takes', GATEWAY)),
  ]),
  survives(
    'networks come, go and move their gateways, with one faulty write',
    [
      ...meeting(1),
      model(1, ['a', 'b', 'c'], moves('a'), leavesPool('b'), joins('d'), takes('c takes', OTHER)),
      model(1, ['a', 'b', 'c'], keepsAndLeaves('a', OTHER), keepsAndLeaves('b', OTHER), keeps('c', OTHER)),
    ],
    1_000,
  ),
  violated('fails when a reservation is freed whatever its value', meeting(0), /is kept by a network, and is free/, [
    {
      within: 'meets',
      find: 'return current === expectation.value;',
      replace: 'return true;',
    },
  ]),
  violated(
    'fails when an existing reservation does not get a new stamp',
    meeting(0),
    /is kept by a network, and is free/,
    [
      {
        within: 'takeSeen',
        find: '    const outcome = await deps.store.writeSlot(place, value, sticky,',
        replace:
          "    if (sticky === undefined && current?.startsWith('R')) return undefined;\n    const outcome = await deps.store.writeSlot(place, value, sticky,",
      },
    ],
  ),
  violated(
    'fails when a network accepts a stamp that may be older than its reference',
    meeting(0),
    /is kept by a network, and is free/,
    [
      {
        within: 'takeSeen',
        find: 'if (isKept && tries >= 2) return',
        replace: 'if (isKept && tries >= 1) return',
      },
    ],
  ),
  falls(
    'fails when an address is stamped before its network lists it',
    meeting(0),
    /is kept by a network, and is free|leaks/,
    [
      {
        within: 'reserveAddress',
        find: '    if (await keep(deps, call, ref, { address, unneeded })) {\n      await stampOrRefuse(deps, call, ref, { address, seen: seen.value });\n',
        replace:
          '    await stampOrRefuse(deps, call, ref, { address, seen: seen.value });\n    if (await keep(deps, call, ref, { address, unneeded })) {\n',
      },
    ],
  ),
  violated(
    'fails when the networks that keep an address are read before the address',
    meeting(0),
    /is kept by a network, and is free/,
    [
      {
        within: 'freeUnkept',
        find: '    freeExactly(deps, call, ref.name, placeOf(ref.generation, ref.cidr, address), value),',
        replace:
          '    readSlot(deps.store, ref, address).then((now) => freeExactly(deps, call, ref.name, placeOf(ref.generation, ref.cidr, address), now.value ?? value)),',
      },
    ],
  ),
];
