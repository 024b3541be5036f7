/**
 * How a host registers, which it does at each start of its shim. Its incarnation changes by compare-and-set, so that of
 * two machines that began as copies of one disk the second is detected.
 */
import { sequenceOf } from '../../../protocol/request-key.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import {
  FIRST_EPOCH,
  type Host,
  type HostHealth,
  LEASE_MS,
  NOBODY_BEFORE,
  heartbeatFor,
  leaseFor,
  sessionOf,
} from '../host.ts';
import { type MachinePrint, isSameMachine } from '../machine.ts';
import { Refusal } from '../refusal.ts';
import { DEFAULT_SPACE } from '../space.ts';
import { isoTime } from '../world.ts';
import { BINDING_LIFETIME_MS, refuseOtherSession, refuseStranger } from './binding.ts';
import { wakeRefs } from './fence.ts';

export interface Registration {
  /** The principal that signed it (an ARN). */
  readonly principal: string;
  /** The nonce that the host has stored. `undefined`: it starts for the first time. */
  readonly incarnation: string | undefined;
  /** A new nonce, which the host has stored as well: after a crash it may send either. */
  readonly proposed: string;
  readonly shimVersion: string;
  readonly engineVersion: string;
  /** `undefined`: an older shim does not send it. */
  readonly machine?: MachinePrint | undefined;
  /** `undefined`: an older shim does not send it. */
  readonly health?: HostHealth | undefined;
  /** ms for which its space remembers it when it is silent. `undefined`: an older shim does not send its space. */
  readonly forgetAfter?: number | undefined;
}

export interface Registered extends Pick<Host, 'incarnation' | 'epoch' | 'floor' | 'isFresh' | 'state'> {
  /** ms */
  readonly heartbeat: number;
  /** ms: when another machine recently tried to register as this host. */
  readonly rivalAt: number | undefined;
  /** Some of its references have not been woken yet after a fence: it registers again at once. */
  readonly isWaking: boolean;
}

/** Each lost write means that another call has written the same host in the meantime, which is rare. */
const MAX_TRIES = 8;

/** @throws Refusal when the id belongs to another principal, or to another machine that was seen recently. */
export async function registerHost(deps: Deps, call: Call, registration: Registration): Promise<Registered> {
  const { store, world } = deps;
  const { forgetAfter = DEFAULT_SPACE.forgetAfter } = registration;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const seen = await store.readHost(call.hostId);
    const lease = leaseFor(forgetAfter);
    const next = await orNoteRival(deps, call, seen, () =>
      nextHost(seen, call, registration, { now: world.now(), lease }),
    );
    const written = await store.writeHost(next, seen);
    if (written !== undefined) {
      const { incarnation, epoch, floor, isFresh, state } = written;
      const rivalAt = world.now() < written.rivalAt + lease ? written.rivalAt : undefined;
      const isWaking = await wakeRefs(deps, call, written);
      return { incarnation, epoch, floor, isFresh, state, heartbeat: heartbeatFor(forgetAfter), rivalAt, isWaking };
    }
  }
  throw new Refusal('busy', `host ${call.hostId} is being registered by several processes at once; try again`);
}

/** ms between two records that another machine claims to be a host. */
const RIVAL_NOTE_INTERVAL_MS = 60_000;

/**
 * Two machines claim to be one host: the one that is refused learns it at once, the other when it registers again. A
 * late copy of the host's own registration does not count as another machine; its sequence shows that it is old.
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
    // If another call has written the host in the meantime, the next refusal records the rival.
    if (isTaken && isRival && world.now() >= seen.rivalAt + RIVAL_NOTE_INTERVAL_MS)
      await store.writeHost({ ...seen, rivalAt: world.now() }, seen);
    throw error;
  }
}

/**
 * The host as it is after a registration.
 *
 * @param seen `undefined`: no machine has ever been that host.
 * @param at `now` and `lease` in ms.
 */
export function nextHost(
  seen: Host | undefined,
  call: Pick<Call, 'hostId' | 'requestKey'>,
  { principal, incarnation, proposed, shimVersion, engineVersion, health, machine = {} }: Registration,
  { now, lease = LEASE_MS }: { readonly now: number; readonly lease?: number },
): Omit<Host, 'rev'> {
  const sequence = sequenceOf(call.requestKey);
  const told = {
    id: call.hostId,
    incarnation: proposed,
    lastSeen: now,
    shimVersion,
    // A shim that has just started does not know it yet.
    engineVersion: engineVersion === '' ? (seen?.engineVersion ?? '') : engineVersion,
    health,
    leaseUntil: now + lease,
    ...stateAfter(seen, now),
  };
  if (seen === undefined) {
    refuseOtherSession(call.hostId, principal);
    const first = { ...told, principal, isAdopted: false, isAwaited: false, heard: [], heardAt: 0, epoch: FIRST_EPOCH };
    return { ...first, ...NOBODY_BEFORE, machine, rivalAt: 0, since: now, floor: sequence, isFresh: false };
  }
  const floor = sequence > seen.floor ? sequence : seen.floor;
  const { epoch, since, heard, heardAt, ownEpoch, former, rivalAt } = seen;
  const binding = { ...bindingAfter(seen, principal, now), machine: machineAfter(seen, machine) };
  const next = { ...told, ...binding, epoch, since, heard, heardAt, floor, ownEpoch, former, rivalAt };
  // A repeat of a registration whose answer was lost gets the same answer.
  if (proposed === seen.incarnation) return { ...next, isFresh: seen.isFresh };
  if (incarnation === seen.incarnation) return { ...next, isFresh: false };
  refuseWhileAlive(seen, now);
  return { ...next, since: now, isFresh: true, ...inPlaceOf(seen, now) };
}

/**
 * The former machine may still run: what it holds stays dormant, and the new one starts its own epoch. If an operator has
 * adopted this machine, it takes over everything instead.
 */
function inPlaceOf(
  seen: Host,
  now: number,
): Partial<Pick<Host, 'epoch' | 'ownEpoch' | 'former' | 'refsLag' | 'changedAt'>> {
  if (seen.isAwaited) return NOBODY_BEFORE;
  const epoch = seen.epoch + 1;
  return { epoch, ownEpoch: epoch, former: isProvenDead(seen) ? 'dead' : 'asleep', refsLag: true, changedAt: now };
}

/** Both the host and the machine that was the host before are dead. */
const isProvenDead = ({ state, former }: Host): boolean => state === 'dead' && former !== 'asleep';

/**
 * A machine is bound to its host as a principal is. New identifiers of the machine are added; a shim that sends none
 * changes nothing.
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
    `another machine has been host ${id} since ${isoTime(since)}, and its hardware differs from this one's; ` +
      'if this machine was made from a copy or an image of the other, start it with its own --host-id and an empty data ' +
      `folder; if it is to be host ${id} from now on, stop the other and run berth host adopt ${id} --principal ARN` +
      (state === 'fenced' ? '' : ` once it is fenced (after ${isoTime(leaseUntil)})`) +
      `; if the other is gone for good with all that it held, run berth host dead ${id}`,
  );

/** @throws Refusal when the host is bound to another principal, or when the calls of its former one may still be accepted. */
function bindingAfter(seen: Host, principal: string, now: number): Pick<Host, 'principal' | 'isAdopted' | 'isAwaited'> {
  refuseStranger(seen, principal);
  if (seen.isAwaited) refuseSoonAfter(seen, now);
  // If the instance with this id is the host again, the events of EC2 apply to it again.
  const isAdopted = seen.isAdopted && sessionOf(principal) !== seen.id;
  return { principal: seen.principal, isAdopted, isAwaited: false };
}

function refuseSoonAfter({ id, fencedAt = 0 }: Host, now: number): void {
  const end = fencedAt + BINDING_LIFETIME_MS;
  if (now >= end) return;
  throw new Refusal(
    'busy',
    `host ${id} was adopted, and calls of its former machine may be accepted until ${isoTime(end)}; ` +
      'this machine can register after that, which its shim does by itself',
  );
}

/** A host that registers is live, under the epoch that a fence has raised. A draining host stays `draining`. */
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
    `another machine has been host ${id} since ${isoTime(since)}; if this one was made from a copied disk image, ` +
      'start it with its own --host-id and an empty data folder; ' +
      `if the other machine is gone, this one can take its place after ${isoTime(end)}`,
  );
}
