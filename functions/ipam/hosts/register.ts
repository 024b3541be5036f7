/**
 * How a host comes to life: it registers at each start of its shim. Its incarnation rotates by compare and set, so that
 * of two machines that began as copies of one disk the second is found out.
 */
import { sequenceOf } from '../../../protocol/request-key.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import { FIRST_EPOCH, type Host, LEASE, NOBODY_BEFORE, heartbeatFor, leaseFor, sessionOf } from '../host.ts';
import { type MachinePrint, isSameMachine } from '../machine.ts';
import { Refusal } from '../refusal.ts';
import { DEFAULT_SPACE } from '../space.ts';
import { isoTime } from '../world.ts';
import { BINDING_ENDS, refuseOtherSession, refuseStranger } from './binding.ts';
import { wakeRefs } from './fence.ts';

export interface Registration {
  /** Who signed it (an ARN). */
  readonly principal: string;
  /** What the host holds. `undefined`: it starts for the first time. */
  readonly incarnation: string | undefined;
  /** A fresh nonce, which the host has written down: after a crash it may hold either. */
  readonly proposed: string;
  readonly shimVersion: string;
  readonly engineVersion: string;
  /** `undefined`: a shim that does not tell. */
  readonly machine?: MachinePrint | undefined;
  /** ms for which its space remembers it when it is silent. `undefined`: a shim that does not tell which that is. */
  readonly forgetAfter?: number | undefined;
}

export interface Registered extends Pick<Host, 'incarnation' | 'epoch' | 'floor' | 'isFresh' | 'state'> {
  /** ms */
  readonly heartbeat: number;
  /** ms: when another machine has said of late that it is this host. */
  readonly rivalAt: number | undefined;
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
    const lease = leaseFor(forgetAfter);
    const next = await orNoteRival(deps, call, seen, () => nextHost(seen, call, registration, world.now(), lease));
    const written = await store.writeHost(next, seen);
    if (written !== undefined) {
      const { incarnation, epoch, floor, isFresh, state } = written;
      const rivalAt = world.now() < written.rivalAt + lease ? written.rivalAt : undefined;
      const isWaking = await wakeRefs(deps, call, written);
      return { incarnation, epoch, floor, isFresh, state, heartbeat: heartbeatFor(forgetAfter), rivalAt, isWaking };
    }
  }
  throw new Refusal('busy', `host ${call.hostId} is registered by several at once: try again`);
}

/** ms between two notes that another machine says it is a host. */
const RIVAL_NOTED = 60_000;

/**
 * Two machines say that they are one host: the one that is refused is told at once, the other when it registers again. A
 * copy of an earlier registration of the host itself, which its sequence gives away, is no other machine.
 */
async function orNoteRival<T>(
  { store, world }: Deps,
  { requestKey }: Pick<Call, 'requestKey'>,
  seen: Host | undefined,
  decide: () => T,
): Promise<T> {
  try {
    return decide();
  } catch (error) {
    const isTaken = error instanceof Refusal && error.code === 'host-taken';
    const isRival = seen !== undefined && sequenceOf(requestKey) > seen.floor;
    // Whoever has written it meanwhile knows better; the next refusal notes it.
    if (isTaken && isRival && world.now() >= seen.rivalAt + RIVAL_NOTED)
      await store.writeHost({ ...seen, rivalAt: world.now() }, seen);
    throw error;
  }
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
  { principal, incarnation, proposed, shimVersion, engineVersion, machine = {} }: Registration,
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
    return { ...first, ...NOBODY_BEFORE, machine, rivalAt: 0, since: now, floor: sequence, isFresh: false };
  }
  const floor = sequence > seen.floor ? sequence : seen.floor;
  const { epoch, since, heard, ownEpoch, former, rivalAt } = seen;
  const binding = { ...bindingAfter(seen, principal, now), machine: machineAfter(seen, machine) };
  const next = { ...told, ...binding, epoch, since, heard, floor, ownEpoch, former, rivalAt };
  // A repeat of a registration whose answer was lost is told the same.
  if (proposed === seen.incarnation) return { ...next, isFresh: seen.isFresh };
  if (incarnation === seen.incarnation) return { ...next, isFresh: false };
  refuseWhileAlive(seen, now);
  return { ...next, since: now, isFresh: true, ...inPlaceOf(seen, now) };
}

/**
 * Whether the former machine still runs, nobody knows: what it holds sleeps on, and the new one begins an epoch of its
 * own. Not so where an operator has said that this machine is to have all that (adopted).
 */
function inPlaceOf(
  seen: Host,
  now: number,
): Partial<Pick<Host, 'epoch' | 'ownEpoch' | 'former' | 'refsLag' | 'changedAt'>> {
  if (seen.isAwaited) return NOBODY_BEFORE;
  const epoch = seen.epoch + 1;
  return { epoch, ownEpoch: epoch, former: isProvenDead(seen) ? 'dead' : 'asleep', refsLag: true, changedAt: now };
}

/** It, and whoever was it before. */
const isProvenDead = ({ state, former }: Host): boolean => state === 'dead' && former !== 'asleep';

/**
 * A machine is bound to its host as a principal is. What it tells more of itself is added; a shim that tells nothing of
 * it changes nothing.
 *
 * @throws Refusal when the host is another machine.
 */
function machineAfter(seen: Host, told: MachinePrint): MachinePrint {
  if (seen.isAwaited || seen.state === 'dead') return told;
  if (isSameMachine(seen.machine, told) === false) throw otherMachine(seen);
  return { ...seen.machine, ...told };
}

const otherMachine = ({ id, state, since, leaseUntil }: Host): Refusal =>
  new Refusal(
    'host-taken',
    `host ${id} has been another machine since ${isoTime(since)}, by what the two say of their hardware: ` +
      'if this one was made from a copy or an image of it, give it an id of its own: start it with --host-id and an empty ' +
      `data folder; if it is to be that host from now on, stop the other, and say so with berth host adopt ${id} --principal ARN` +
      (state === 'fenced' ? '' : ` once it is fenced (after ${isoTime(leaseUntil)})`) +
      `; if the other is gone for good with all that it held, with berth host dead ${id}`,
  );

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
