/** How the references of a host follow its state. Each step may be repeated, interrupted anywhere, and run twice at once. */
import { sideBySide } from './all-settled.ts';
import type { Deps } from './deps.ts';
import { type Host, mayTurnUp } from './host.ts';
import { pages } from './pages.ts';
import type { Ref, RefStanding } from './ref.ts';
import type { IndexedRef } from './store.ts';

/** The references that are read before they are visited. Far more would be old by the time of their visit. */
const MAX_READ_AT_ONCE = 1_000;
/** How often a write is tried on a reference or a host that others keep changing. */
const MAX_TRIES = 8;

/**
 * Visits the references of a host that have not ended, several at the same time, each read shortly before its visit.
 *
 * @param deadline ms
 * @param visit returns whether to continue.
 * @returns whether all references were visited before the deadline.
 */
export const eachRef = (
  deps: Deps,
  hostId: string,
  deadline: number,
  visit: (ref: Ref) => Promise<boolean>,
): Promise<boolean> =>
  eachRefOrTombstone(deps, hostId, deadline, (ref) => (ref.state === 'gone' ? Promise.resolve(true) : visit(ref)));

/** The same, with references that have ended. */
export async function eachRefOrTombstone(
  { store, world }: Deps,
  hostId: string,
  deadline: number,
  visit: (ref: Ref) => Promise<boolean>,
): Promise<boolean> {
  let isStopped = false;
  const isOver = (): boolean => isStopped || world.now() >= deadline;
  for await (const { items } of pages((last?: IndexedRef) => store.refsOfHost(hostId, last))) {
    for (let from = 0; from < items.length && !isOver(); from += MAX_READ_AT_ONCE) {
      const refs = await store.readRefs(items.slice(from, from + MAX_READ_AT_ONCE));
      await sideBySide(
        refs,
        async (ref) => {
          if (!(await visit(ref))) isStopped = true;
        },
        isOver,
      );
    }
    if (isOver()) return false;
  }
  return true;
}

/**
 * Changes a reference on its exact state and epoch. Of two callers that want different changes one wins; the other reads
 * the reference again.
 *
 * @param want returns `undefined` if the reference, as it is now, needs no change by the caller.
 * @returns whether it was changed.
 */
export async function transitionRef(
  { store }: Deps,
  seen: Ref,
  want: (ref: Ref) => RefStanding | undefined,
): Promise<boolean> {
  let ref: Ref | undefined = seen;
  for (let tries = 0; ref !== undefined && tries < MAX_TRIES; tries++) {
    const next = want(ref);
    if (next === undefined) return false;
    if (await store.changeRefState(ref, next)) return true;
    ref = await store.readRef(seen.generation, seen.name);
  }
  return false;
}

/** Its epoch is earlier than its host's: it was added before a fence, and has not been woken since. */
export const isLeftBehind = (ref: Ref, host: Host): boolean => ref.state !== 'gone' && ref.epoch < host.epoch;

/**
 * Changes a host as it is now. `change` returns `undefined` if there is nothing to change.
 *
 * @returns the host after that. `undefined`: there is no such host, or others keep changing it.
 */
export async function changeHost(
  { store }: Deps,
  id: string,
  change: (host: Host) => Omit<Host, 'rev'> | undefined,
): Promise<Host | undefined> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const host = await store.readHost(id);
    const next = host && change(host);
    if (next === undefined) return host;
    const written = await store.writeHost(next, host);
    if (written !== undefined) return written;
  }
  return undefined;
}

/** All references that the index shows have followed their host. Once no more can turn up, no sweep needs to look again. */
export async function concludeHost({ store, world }: Deps, host: Host): Promise<void> {
  if (mayTurnUp(host, world.now())) return;
  await store.writeHost({ ...host, refsLag: false }, host);
}
