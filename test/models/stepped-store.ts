/** The store port, cut into operations that take place when the explorer chooses them. */
import type { Pool } from '../../functions/ipam/pool.ts';
import type { Page, Store } from '../../functions/ipam/store.ts';
import { type Cidr, cidrRange, formatCidr, rangeContains } from '../../protocol/address.ts';
import type { MemoryStore } from '../support/memory-store.ts';

export interface Operation<T = unknown> {
  readonly label: string;
  readonly kind: 'read' | 'write' | 'nothing';
  /** Lets the next attempt of the operation take place. */
  readonly attempt: () => Promise<T>;
}

/** Counts new identities. */
export interface Ids {
  ids: number;
}

export interface Manner {
  /** When given, all attempts of one announcement carry the same identity. */
  readonly shared: Ids | undefined;
  /**
   * Where pools may be, ascending. When given, a query reads them one by one, as a real query does: it is not a snapshot.
   * Otherwise each page is a snapshot.
   */
  readonly positions: readonly Cidr[] | undefined;
  readonly forwardDescends: boolean;
  readonly isIndexSilent: boolean;
}

type Submit = <T>(operation: Operation<T>) => Promise<T>;

/** Every write recognises what its own earlier attempt has done, as in the real store. */
export function steppedStore(memory: MemoryStore, submit: Submit, manner: Manner): Store {
  const step =
    (kind: Operation['kind']) =>
    <T>(label: string, attempt: () => Promise<T>): Promise<T> =>
      submit({ label, kind, attempt });
  const read = step('read');
  const write = step('write');
  return {
    ...looks(memory, submit, manner),
    readSpace: (space) => memory.readSpace(space),
    readTerm: (space) => read('read term', () => memory.readTerm(space)),
    raiseTerm: (space, seen) => write(`term ${seen + 1}`, () => memory.raiseTerm(space, seen)),
    writeSpace: (space, settings, seen) => memory.writeSpace(space, settings, seen),
    announcePool: (draft, generation) =>
      write(`announce ${formatCidr(draft.cidr)}`, announcing(memory, draft, generation, manner.shared)),
    readPool: (space, cidr) => read(`read pool ${formatCidr(cidr)}`, () => memory.readPool(space, cidr)),
    changePool: (seen, state) =>
      write(
        `${state} ${formatCidr(seen.cidr)}`,
        recognising(
          () => memory.changePool(seen, state),
          () => memory.readPool(seen.space, seen.cidr),
        ),
      ),
    removePool: (seen) => write(`remove ${formatCidr(seen.cidr)}`, removing(memory, seen)),
    readPoolName: (space, family, name) => read(`read name ${name}`, () => memory.readPoolName(space, family, name)),
    writePoolName: (space, name, pool, seen) =>
      write(`name ${name} is ${formatCidr(pool.cidr)}`, () => memory.writePoolName(space, name, pool, seen)),
    addRef: (ref) => write(`add ref ${ref.name}`, () => memory.addRef(ref)),
    reviveRef: (ref, seen) => write(`revive ref ${ref.name}`, () => memory.reviveRef(ref, seen)),
    readRef: (generation, name) => read(`read ref ${name}`, () => memory.readRef(generation, name)),
    // Each is read at a time of its own, as in the real store.
    readRefs: async (keys) => {
      const refs = await Promise.all(
        keys.map(({ generation, name }) => read(`read ref ${name}`, () => memory.readRef(generation, name))),
      );
      return refs.filter((ref) => ref !== undefined);
    },
    writeKept: (seen, kept) => write(`list on ref ${seen.name}`, () => memory.writeKept(seen, kept)),
    endRef: (generation, name, endedAt) => write(`end ref ${name}`, () => memory.endRef(generation, name, endedAt)),
    changeRefState: (seen, next) => write(`${next.state} ref ${seen.name}`, () => memory.changeRefState(seen, next)),
    removeTombstone: (generation, name) => write(`remove ref ${name}`, () => memory.removeTombstone(generation, name)),
    refsOf: (generation, after) => read('read refs', () => memory.refsOf(generation, after)),
    refsOfCall: (hostId, requestKey) => read(`read index`, () => memory.refsOfCall(hostId, requestKey)),
    refsOfHost: (hostId, after) =>
      read(`read index`, () =>
        manner.isIndexSilent ? Promise.resolve({ items: [], more: false }) : memory.refsOfHost(hostId, after),
      ),
    // As long as no host has registered, no other actor can change the result.
    readHost: (id) =>
      memory.hosts.size === 0 ? memory.readHost(id) : read(`read host ${id}`, () => memory.readHost(id)),
    hostsOfShard: (shard, after) =>
      memory.hosts.size === 0
        ? memory.hostsOfShard(shard, after)
        : read(`read shard ${shard}`, () => memory.hostsOfShard(shard, after)),
    writeHost: (next, seen) =>
      write(
        `host ${next.id}`,
        recognising(
          () => memory.writeHost(next, seen),
          () => memory.readHost(next.id),
        ),
      ),
    removeHost: (seen) => write(`remove host ${seen.id}`, () => memory.removeHost(seen)),
    readChunks: (generation, first, last) => read('read slots', () => memory.readChunks(generation, first, last)),
    writeSlot: (place, value, sticky, expected) =>
      write(`slot ${place.slot} = ${value}`, () => memory.writeSlot(place, value, sticky, expected)),
    releaseSlot: (place, value, leases) =>
      write(`release slot ${place.slot}`, () => memory.releaseSlot(place, value, leases)),
    removeChunk: (generation, index) => write(`remove chunk ${index}`, () => memory.removeChunk(generation, index)),
    walk: (from, limit) => read('walk', () => memory.walk(from, limit)),
    readSweep: () => read('read sweep', () => memory.readSweep()),
    writeSweep: (cursor) => write('sweep', () => memory.writeSweep(cursor)),
    claimHome: (region) => memory.claimHome(region),
    // The key is read once, and no other actor depends on what is made with it.
    seal: (text) => memory.seal(text),
    isSeal: (text, seal) => memory.isSeal(text, seal),
  };
}

function looks(
  memory: MemoryStore,
  submit: Submit,
  { positions, forwardDescends }: Manner,
): Pick<Store, 'poolsStartingIn' | 'poolsStartingBefore'> {
  const read = <T>(label: string, attempt: () => Promise<T>) => submit({ label, kind: 'read', attempt });
  if (positions === undefined) {
    return {
      poolsStartingIn: (space, range, after) => read('look forward', () => memory.poolsStartingIn(space, range, after)),
      poolsStartingBefore: (space, address, before) =>
        read('look backward', () => memory.poolsStartingBefore(space, address, before)),
    };
  }
  /** Reads one position after another, from the one behind `after`, up to the first pool. */
  const pass = async (space: string, order: readonly Cidr[], after: Cidr | undefined): Promise<Page<Pool>> => {
    const start = after === undefined ? 0 : order.findIndex((cidr) => formatCidr(cidr) === formatCidr(after)) + 1;
    for (const cidr of order.slice(start)) {
      const pool = await read(`pass ${formatCidr(cidr)}`, () => memory.readPool(space, cidr));
      if (pool !== undefined) return { items: [pool], more: true };
    }
    return { items: [], more: false };
  };
  const startOf = ({ family, first: value }: Cidr) => ({ family, value });
  return {
    poolsStartingIn: (space, range, after) => {
      const inside = positions.filter((cidr) => rangeContains(range, startOf(cidr)));
      return pass(space, forwardDescends ? inside.toReversed() : inside, after);
    },
    poolsStartingBefore: (space, address, before) => {
      const earlier = positions.filter((cidr) => cidrRange(cidr).first < address.value);
      return pass(space, earlier.toReversed(), before);
    },
  };
}

function announcing(
  memory: MemoryStore,
  draft: Parameters<Store['announcePool']>[0],
  generation: string | undefined,
  shared: Ids | undefined,
): () => ReturnType<Store['announcePool']> {
  const ours = new Set<string>();
  const from = shared?.ids ?? 0;
  let drawn = from;
  return async () => {
    if (shared !== undefined) shared.ids = from;
    const result = await memory.announcePool(draft, generation);
    // Later announcements have identities of their own.
    if (shared !== undefined) shared.ids = drawn = Math.max(drawn, shared.ids);
    if ('announced' in result) {
      ours.add(result.announced.rev);
      return result;
    }
    return ours.has(result.standing.rev) ? { announced: result.standing } : result;
  };
}

/** The last attempt of a write recognises what an earlier one has written. */
function recognising<T extends { readonly rev: string }>(
  write: () => Promise<T | undefined>,
  read: () => Promise<T | undefined>,
): () => Promise<T | undefined> {
  const ours = new Set<string>();
  return async () => {
    const written = await write();
    if (written !== undefined) {
      ours.add(written.rev);
      return written;
    }
    const standing = await read();
    return standing !== undefined && ours.has(standing.rev) ? standing : undefined;
  };
}

function removing(memory: MemoryStore, seen: Parameters<Store['removePool']>[0]): () => Promise<boolean> {
  let attempts = 0;
  return async () => {
    attempts++;
    if (await memory.removePool(seen)) return true;
    return attempts > 1 && (await memory.readPool(seen.space, seen.cidr)) === undefined;
  };
}
