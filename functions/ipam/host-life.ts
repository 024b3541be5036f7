/**
 * How a host comes to life: it registers at each start of its shim. Its incarnation rotates by compare and set, so that
 * of two machines that began as copies of one disk the second is found out.
 */
import { BINDING_ENDS, refuseOtherSession, refuseStranger } from './binding.ts';
import { type Call, sequenceOf } from './call.ts';
import type { Deps } from './deps.ts';
import { wakeRefs } from './fence.ts';
import { FIRST_EPOCH, type Host, LEASE, heartbeatFor, leaseFor, sessionOf } from './host.ts';
import { Refusal } from './refusal.ts';
import { DEFAULT_SPACE } from './space.ts';
import { isoTime } from './world.ts';

export interface Registration {
  /** Who signed it (an ARN). */
  readonly principal: string;
  /** What the host holds. `undefined`: it starts for the first time. */
  readonly incarnation: string | undefined;
  /** A fresh nonce, which the host has written down: after a crash it may hold either. */
  readonly proposed: string;
  readonly shimVersion: string;
  readonly engineVersion: string;
  /** ms for which its space remembers it when it is silent. `undefined`: a shim that does not tell which that is. */
  readonly forgetAfter?: number | undefined;
}

export interface Registered extends Pick<Host, 'incarnation' | 'epoch' | 'floor' | 'isFresh' | 'state'> {
  /** ms */
  readonly heartbeat: number;
  /** Not all that it holds has been woken after a fence: it registers again at once. */
  readonly isWaking: boolean;
}

/** Each lost write means that the same host was written meanwhile, which few do. */
const MAX_TRIES = 8;

/** @throws Refusal when the id belongs to another principal, or to another machine that was seen of late. */
export async function registerHost(deps: Deps, call: Call, registration: Registration): Promise<Registered> {
  const { store, world } = deps;
  const { forgetAfter = DEFAULT_SPACE.forgetAfter } = registration;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const seen = await store.readHost(call.hostId);
    const next = nextHost(seen, call, registration, world.now(), leaseFor(forgetAfter));
    const written = await store.writeHost(next, seen);
    if (written !== undefined) {
      const { incarnation, epoch, floor, isFresh, state } = written;
      const isWaking = await wakeRefs(deps, call, written);
      return { incarnation, epoch, floor, isFresh, state, heartbeat: heartbeatFor(forgetAfter), isWaking };
    }
  }
  throw new Refusal('busy', `host ${call.hostId} is registered by several at once: try again`);
}

/**
 * What a registration makes of a host.
 *
 * @param seen `undefined`: nobody has ever been that host.
 * @param now ms
 * @param lease ms
 */
export function nextHost(
  seen: Host | undefined,
  call: Pick<Call, 'hostId' | 'requestKey'>,
  { principal, incarnation, proposed, shimVersion, engineVersion }: Registration,
  now: number,
  lease = LEASE,
): Omit<Host, 'rev'> {
  const sequence = sequenceOf(call.requestKey);
  const told = {
    ...{ id: call.hostId, incarnation: proposed, lastSeen: now, shimVersion, engineVersion },
    ...{ leaseUntil: now + lease, ...stateAfter(seen, now) },
  };
  if (seen === undefined) {
    refuseOtherSession(call.hostId, principal);
    const first = { ...told, principal, isAdopted: false, isAwaited: false, heard: [], epoch: FIRST_EPOCH };
    return { ...first, since: now, floor: sequence, isFresh: false };
  }
  const floor = sequence > seen.floor ? sequence : seen.floor;
  const { epoch, since, heard } = seen;
  const next = { ...told, ...bindingAfter(seen, principal, now), epoch, since, heard, floor };
  // A repeat of a registration whose answer was lost is told the same.
  if (proposed === seen.incarnation) return { ...next, isFresh: seen.isFresh };
  if (incarnation === seen.incarnation) return { ...next, isFresh: false };
  refuseWhileAlive(seen, now);
  return { ...next, since: now, isFresh: true };
}

/** @throws Refusal when the host is bound to another, or was bound to one who may still be taken for it. */
function bindingAfter(seen: Host, principal: string, now: number): Pick<Host, 'principal' | 'isAdopted' | 'isAwaited'> {
  refuseStranger(seen, principal);
  if (seen.isAwaited) refuseSoonAfter(seen, now);
  // An instance that is the host of its own id is the one of which EC2 speaks.
  const isAdopted = seen.isAdopted && sessionOf(principal) !== seen.id;
  return { principal: seen.principal, isAdopted, isAwaited: false };
}

function refuseSoonAfter({ id, fencedAt = 0 }: Host, now: number): void {
  const end = fencedAt + BINDING_ENDS;
  if (now >= end) return;
  throw new Refusal(
    'busy',
    `host ${id} was adopted, and until ${isoTime(end)} the machine that it was may still be taken for it: ` +
      'this one may register then, which its shim does by itself',
  );
}

/** Whoever registers is alive, under the epoch that a fence has raised. That it is about to go is true all the same. */
function stateAfter(
  seen: Host | undefined,
  now: number,
): Pick<Host, 'state' | 'changedAt' | 'fencedAt' | 'why' | 'refsLag'> {
  if (seen?.state === 'draining') {
    const { changedAt, why, refsLag } = seen;
    return { state: 'draining', changedAt, fencedAt: undefined, why, refsLag };
  }
  const returns = seen?.state === 'fenced' || seen?.state === 'dead';
  const changedAt = returns ? now : (seen?.changedAt ?? now);
  return { state: 'live', changedAt, fencedAt: undefined, why: '', refsLag: returns || seen?.refsLag === true };
}

function refuseWhileAlive({ id, since, leaseUntil: end, state }: Host, now: number): void {
  if (now >= end || state === 'dead') return;
  throw new Refusal(
    'host-taken',
    `another machine has been host ${id} since ${isoTime(since)}: a copied disk image needs an id of its own: ` +
      'start it with --host-id and an empty data folder; ' +
      `if that machine is gone, this one may take its place after ${isoTime(end)}`,
  );
}
