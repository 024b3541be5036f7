/** What must hold in every state of every model, and at the end of each run. */
import { keeps } from '../../functions/ipam/addresses/reservation.ts';
import { addressAt } from '../../functions/ipam/chunk.ts';
import type { Pool } from '../../functions/ipam/pool.ts';
import { type Slot, decodeSlot } from '../../functions/ipam/slot.ts';
import { type Address, formatAddress, formatCidr, overlap } from '../../protocol/address.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import type { Holding } from './player.ts';
import type { State } from './simulation.ts';

interface Network {
  readonly generation: string;
  readonly ref: string;
}

export const networkOf = (poolId: string): Network => {
  const [, , , , generation = '', ref = ''] = poolId.split(',');
  return { generation, ref };
};

const standing = (memory: MemoryStore): Pool[] => [...memory.pools.values()].filter(({ state }) => state !== 'pending');

/** Confirmed pools are disjoint, and the table has every network and address that an actor holds. */
export function sound({ memory, holdings }: State): string | undefined {
  const pools = standing(memory);
  for (const [index, a] of pools.entries()) {
    const b = pools.slice(index + 1).find((other) => overlap(a.cidr, other.cidr));
    if (b !== undefined) return `pools overlap: ${formatCidr(a.cidr)} and ${formatCidr(b.cidr)}`;
  }
  const addresses = [...holdings].flatMap(({ poolId, address }) =>
    address === undefined ? [] : [`${networkOf(poolId).generation} ${address}`],
  );
  if (new Set(addresses).size < addresses.length) return `an address is held twice: ${addresses.join(', ')}`;
  for (const holding of holdings) {
    const wrong = whyUnfounded(memory, pools, holding);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function whyUnfounded(memory: MemoryStore, pools: readonly Pool[], { poolId, address }: Holding): string | undefined {
  const { generation, ref } = networkOf(poolId);
  const pool = pools.find((candidate) => candidate.generation === generation);
  if (pool === undefined) return `network ${ref} lost its pool`;
  const own = [...memory.refs.values()].find((other) => other.name === ref && other.generation === generation);
  // A sleeping host may use what it holds: it may still have its LAN.
  if (own === undefined || own.state === 'gone') return `network ${ref} lost its reference`;
  if (address === undefined) return undefined;
  const slot = [...slotsOf(memory, pool)].find(({ text }) => text === address)?.slot;
  if (slot?.kind === 'leased' && slot.ref === ref) return undefined;
  return `${address} is held under ${ref}, and its slot says ${JSON.stringify(slot)}`;
}

interface Taken {
  readonly address: Address;
  readonly text: string;
  readonly slot: Slot;
}

/** The slots of a pool that were ever used. */
function* slotsOf(memory: MemoryStore, { cidr, generation }: Pool): Generator<Taken> {
  for (const [key, { index, slots }] of memory.chunks) {
    if (!key.startsWith(generation)) continue;
    for (const [number, value] of slots.entries()) {
      if (value === undefined) continue;
      const address = addressAt(cidr, index, number);
      yield { address, text: formatAddress(address), slot: decodeSlot(value) };
    }
  }
}

/** The same, and a space has at most this many pools. */
export const holdsAtMost =
  (most: number) =>
  (state: State): string | undefined => {
    const { length } = standing(state.memory);
    return length > most ? `the space holds ${length} pools` : sound(state);
  };

/** Only what is held is left: no other lease, reservation, reference or pool. */
export function nothingLeaks({ memory, holdings }: State): string | undefined {
  const held = [...holdings].map(({ poolId, address }) => ({ ...networkOf(poolId), address }));
  for (const ref of memory.refs.values()) {
    if (ref.state !== 'gone' && !held.some((network) => network.ref === ref.name)) return `reference ${ref.name} leaks`;
  }
  for (const pool of standing(memory)) {
    if (!held.some(({ generation }) => generation === pool.generation)) return `pool ${formatCidr(pool.cidr)} leaks`;
    const wrong = leakIn(memory, pool, new Set(held.map(({ address }) => address)));
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function leakIn(memory: MemoryStore, pool: Pool, held: ReadonlySet<string | undefined>): string | undefined {
  const live = [...memory.refs.values()].filter(({ state, generation }) => {
    return state !== 'gone' && generation === pool.generation;
  });
  for (const { address, text, slot } of slotsOf(memory, pool)) {
    if (slot.kind === 'leased' && !held.has(text)) return `the lease of ${text} leaks`;
    const isKept = live.some((ref) => keeps(ref, address));
    if (slot.kind === 'reserved' && !isKept) return `the reservation of ${text} leaks`;
    if (slot.kind === 'free' && isKept) return `${text} is kept by a network, and is free`;
  }
  return undefined;
}
