/**
 * Interleaves the steps of concurrent callers: every operation on the store waits for some turns before it takes
 * place and for some more before its result is seen. A seed determines how many.
 */
import type { Store } from '../../functions/ipam/store.ts';

/** Most steps take a moment; some are delayed for so long that the others get far ahead. */
const SHORT = 4;
const LONG = 80;
const HELD_UP = 0.12;

/** Numbers in [0, 1), always the same for the same seed (mulberry32). */
export function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @param check is called after every operation, and throws when an invariant is violated. */
export function interleaved(store: Store, seed: number, check: () => void): Store {
  const random = chance(seed);
  const turns = async (): Promise<void> => {
    const most = random() < HELD_UP ? LONG : SHORT;
    for (let left = Math.floor(random() * most); left > 0; left--) await Promise.resolve();
  };
  const slowly = <Args extends unknown[], Result>(operation: (...args: Args) => Promise<Result>) => {
    return async (...args: Args): Promise<Result> => {
      await turns();
      const result = await operation(...args);
      check();
      await turns();
      return result;
    };
  };
  return {
    readSpace: slowly((space) => store.readSpace(space)),
    writeSpace: slowly((space, settings, seen) => store.writeSpace(space, settings, seen)),
    readTerm: slowly((space) => store.readTerm(space)),
    raiseTerm: slowly((space, seen) => store.raiseTerm(space, seen)),
    announcePool: slowly((draft, generation) => store.announcePool(draft, generation)),
    readPool: slowly((space, cidr) => store.readPool(space, cidr)),
    poolsStartingIn: slowly((space, range, after) => store.poolsStartingIn(space, range, after)),
    poolsStartingBefore: slowly((space, address, before) => store.poolsStartingBefore(space, address, before)),
    changePool: slowly((seen, state) => store.changePool(seen, state)),
    removePool: slowly((seen) => store.removePool(seen)),
    readPoolName: slowly((space, family, name) => store.readPoolName(space, family, name)),
    writePoolName: slowly((space, name, pool, seen) => store.writePoolName(space, name, pool, seen)),
    addRef: slowly((ref) => store.addRef(ref)),
    reviveRef: slowly((ref, seen) => store.reviveRef(ref, seen)),
    readRef: slowly((generation, name) => store.readRef(generation, name)),
    readRefs: slowly((keys) => store.readRefs(keys)),
    writeKept: slowly((seen, kept) => store.writeKept(seen, kept)),
    endRef: slowly((generation, name, endedAt) => store.endRef(generation, name, endedAt)),
    changeRefState: slowly((seen, next) => store.changeRefState(seen, next)),
    removeTombstone: slowly((generation, name) => store.removeTombstone(generation, name)),
    refsOf: slowly((generation, after) => store.refsOf(generation, after)),
    refsOfCall: slowly((hostId, requestKey) => store.refsOfCall(hostId, requestKey)),
    refsOfHost: slowly((hostId, after) => store.refsOfHost(hostId, after)),
    readHost: slowly((id) => store.readHost(id)),
    removeHost: slowly((seen) => store.removeHost(seen)),
    hostsOfShard: slowly((shard, after) => store.hostsOfShard(shard, after)),
    writeHost: slowly((next, seen) => store.writeHost(next, seen)),
    readChunks: slowly((generation, first, last) => store.readChunks(generation, first, last)),
    writeSlot: slowly((place, value, sticky, expected) => store.writeSlot(place, value, sticky, expected)),
    releaseSlot: slowly((place, value, leases) => store.releaseSlot(place, value, leases)),
    removeChunk: slowly((generation, index) => store.removeChunk(generation, index)),
    walk: slowly((from, limit) => store.walk(from, limit)),
    readSweep: slowly(() => store.readSweep()),
    writeSweep: slowly((cursor) => store.writeSweep(cursor)),
    claimHome: slowly((region) => store.claimHome(region)),
    seal: (text) => store.seal(text),
    isSeal: (text, seal) => store.isSeal(text, seal),
  };
}
