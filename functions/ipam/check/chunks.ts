/** Slots: each lease has a network, each reservation is listed, and one endpoint has one address of a network. */
import { type Address, cidrSize, formatAddress, formatCidr } from '../../../protocol/address.ts';
import { keeps } from '../addresses/reservation.ts';
import { sideBySide } from '../all-settled.ts';
import { CHUNKS_PER_GROUP, type Chunk, addressAt, groupOf, offsetOf } from '../chunk.ts';
import { pages } from '../pages.ts';
import type { Ref } from '../ref.ts';
import { type LeasedSlot, type ReservedSlot, decodeSlot } from '../slot.ts';
import { isUnreadable } from '../unreadable.ts';
import type { Damage, Finding } from './finding.ts';
import { type Look, isLongGone, isSettled, unlessUnreadable } from './look.ts';

interface Held {
  readonly chunk: bigint;
  readonly slot: number;
  readonly value: string;
  readonly state: LeasedSlot | ReservedSlot;
}

interface FoundChunk {
  readonly generation: string;
  readonly chunk: Chunk;
}

export async function checkChunks(look: Look, chunks: readonly FoundChunk[]): Promise<Finding[]> {
  const byGeneration = [...Map.groupBy(chunks, ({ generation }) => generation)];
  const found = await sideBySide(byGeneration, ([generation, some]) => {
    const seen = some.map(({ chunk }) => chunk);
    return checkGeneration(look, generation, seen);
  });
  return found.flat();
}

async function checkGeneration(look: Look, generation: string, chunks: readonly Chunk[]): Promise<Finding[]> {
  const { held, malformed } = heldIn(generation, chunks);
  const judged = unlessUnreadable(judge(look, generation, chunks, held));
  return [...malformed, ...(await judged)];
}

async function judge(
  look: Look,
  generation: string,
  chunks: readonly Chunk[],
  held: readonly Held[],
): Promise<Finding[]> {
  const { items: some } = await look.table.refsOf(generation);
  const [any] = some;
  if (any === undefined) return poolless(look, generation, chunks);
  const named = new Set(held.map(({ state }) => state.ref));
  const refs = await look.table.readRefs([...named].map((name) => ({ generation, name })));
  const network: Network = { generation, any, byName: new Map(refs.map((ref) => [ref.name, ref])) };
  const suspects = [
    ...outside(network, held),
    ...unowned(look, network, held),
    ...(await unlisted(look, network, held)),
  ];
  const twice = await duplicates(look, network, chunks);
  return [...(await stillThere(look, suspects)), ...twice];
}

/** The networks of one pool, as far as its chunks name them. */
interface Network {
  readonly generation: string;
  /** One of them, which says where the pool is. */
  readonly any: Ref;
  readonly byName: ReadonlyMap<string, Ref>;
}

function heldIn(generation: string, chunks: readonly Chunk[]): { held: Held[]; malformed: Finding[] } {
  const read: { held: Held[]; malformed: Finding[] } = { held: [], malformed: [] };
  for (const { index, slots } of chunks) {
    for (const [slot, value] of slots.entries()) {
      try {
        const state = decodeSlot(value);
        if (value === undefined || state === undefined || state.kind === 'free') continue;
        read.held.push({ chunk: index, slot, value, state });
      } catch (error) {
        if (!isUnreadable(error)) throw error;
        const where = `slot ${slot} of chunk ${index} of generation ${generation}`;
        const text = `${where}: ${value ?? ''}`;
        read.malformed.push({
          damage: 'malformed item',
          where,
          what: error.message,
          isLeftover: false,
          subject: { of: 'text', text },
        });
      }
    }
  }
  return read;
}

/** Chunks exist only after a reference of their pool. A sweep removes them once all references are gone. */
async function poolless({ table }: Look, generation: string, chunks: readonly Chunk[]): Promise<Finding[]> {
  const left = await sideBySide(chunks, ({ index }) => table.readChunks(generation, index, index));
  return left.flat().map(({ index }) => ({
    damage: 'chunk without a pool',
    where: `chunk ${index} of generation ${generation}`,
    what: 'no network of its pool is known',
    isLeftover: true,
    subject: { of: 'chunk', generation, index },
  }));
}

const outside = ({ any, generation }: Network, held: readonly Held[]): Finding[] =>
  held
    .filter(({ chunk, slot }) => offsetOf(chunk, slot) >= cidrSize(any.cidr))
    .map((one) => slotFinding({ any, generation }, one, 'malformed item', 'it lies outside of its pool', false));

/** Leases of networks that have ended, or that nobody knows. */
const unowned = ({ now }: Look, network: Network, held: readonly Held[]): Finding[] =>
  held.flatMap((one) => {
    const ref = network.byName.get(one.state.ref);
    if (one.state.kind !== 'leased' || (ref !== undefined && ref.state !== 'gone')) return [];
    return [slotFinding(network, one, 'orphaned lease', 'its network has ended', !isLongGone(ref, now))];
  });

/** Usually the network that an address is reserved for lists it. Only if it does not are all the others read. */
async function unlisted({ table, now }: Look, network: Network, held: readonly Held[]): Promise<Finding[]> {
  const { generation, any, byName } = network;
  const listed = (ref: Ref | undefined, address: Address): boolean =>
    ref !== undefined && ref.state !== 'gone' && keeps(ref, address);
  let left = held.filter(
    ({ state, chunk, slot }) =>
      state.kind === 'reserved' && !listed(byName.get(state.ref), addressAt(any.cidr, chunk, slot)),
  );
  if (left.length === 0) return [];
  for await (const { items } of pages((last?: Ref) => table.refsOf(generation, last?.name))) {
    left = left.filter(({ chunk, slot }) => !items.some((ref) => listed(ref, addressAt(any.cidr, chunk, slot))));
  }
  return left.map((one) =>
    slotFinding(
      network,
      one,
      'reservation that nobody lists',
      'no network keeps it',
      !isLongGone(byName.get(one.state.ref), now),
    ),
  );
}

/** Those whose slots hold what they held before their networks were read. */
async function stillThere({ table }: Look, suspects: readonly Finding[]): Promise<Finding[]> {
  const found = await sideBySide(suspects, async (suspect) => {
    if (suspect.subject.of !== 'slot') return [];
    const { place, value } = suspect.subject;
    const [chunk] = await table.readChunks(place.generation, place.chunk, place.chunk);
    return chunk?.slots[place.slot] === value ? [suspect] : [];
  });
  return found.flat();
}

/**
 * Leases of one call, or of one endpoint of a network. Those of one group of chunks are compared: what the page has only in
 * part is read as a whole.
 */
async function duplicates(look: Look, network: Network, chunks: readonly Chunk[]): Promise<Finding[]> {
  const { table, now } = look;
  const { generation } = network;
  const groups = [...new Set(chunks.map(({ index }) => groupOf(index)))];
  const found = await sideBySide(groups, async (group) => {
    const on = chunks.filter(({ index }) => groupOf(index) === group);
    const first = group * CHUNKS_PER_GROUP;
    const isWhole = BigInt(on.length) === CHUNKS_PER_GROUP;
    const all = isWhole ? on : await table.readChunks(generation, first, first + CHUNKS_PER_GROUP - 1n);
    return twins(heldIn(generation, all).held, now);
  });
  const seen = found.flat().map(({ one, other }) => {
    const there = formatAddress(addressAt(network.any.cidr, other.chunk, other.slot));
    return [
      slotFinding(network, one, 'duplicate lease', `its endpoint also has ${there}`, false),
      slotFinding(network, other, 'duplicate lease', 'its endpoint has two addresses', false),
    ] as const;
  });
  // Each of both was there before and after the other was read.
  const proven = await sideBySide(seen, async (pair) => {
    const left = await stillThere(look, pair);
    return left.length === 2 ? left.slice(0, 1) : [];
  });
  return proven.flat();
}

interface Twins {
  readonly one: Held;
  readonly other: Held;
}

function twins(held: readonly Held[], now: number): Twins[] {
  const found: Twins[] = [];
  const met = new Map<string, Held>();
  for (const other of held) {
    if (other.state.kind !== 'leased' || !isSettled(other.state.requestKey, now)) continue;
    const { ref, requestKey, mac, name } = other.state;
    const marks = [`${ref} ${requestKey}`, ...(mac === '' || name === '' ? [] : [`${ref} ${mac} ${name}`])];
    const one = marks.map((mark) => met.get(mark)).find((before) => before !== undefined);
    if (one !== undefined) found.push({ one, other });
    for (const mark of marks) met.set(mark, other);
  }
  return found;
}

function slotFinding(
  { any: { cidr, space }, generation }: Pick<Network, 'any' | 'generation'>,
  { chunk, slot, value }: Held,
  damage: Damage,
  what: string,
  isLeftover: boolean,
): Finding {
  return {
    damage,
    where: `${formatAddress(addressAt(cidr, chunk, slot))} in ${formatCidr(cidr)} of space ${space}`,
    what,
    isLeftover,
    subject: { of: 'slot', place: { generation, chunk, slot }, value },
  };
}
