/** A host: one Docker host, as the fleet knows it. What it holds is bound to its id, so no other machine may use the id. */
import { isInstanceId } from '../../protocol/ids.ts';
import type { HEALTH_STATUSES } from '../../protocol/states.ts';
import type { MachinePrint } from './machine.ts';

/** How a host is, as its shim said with the last heartbeat. */
export interface HostHealth {
  readonly status: (typeof HEALTH_STATUSES)[number];
  /** Why it is not `ok`, else ''. */
  readonly reason: string;
  /** Calls in its journal. */
  readonly waiting: number;
  readonly deadLetters: number;
  /** Differences that its last comparison with Docker found. */
  readonly findings: number;
  /** ms: when that was. `undefined`: none has succeeded since the shim started. */
  readonly comparedAt: number | undefined;
  /** Calls of dockerd that were refused since the shim started, and why the last of them was. */
  readonly refused: number;
  readonly lastRefusal: string;
}

export interface Host {
  readonly id: string;
  /** A nonce that the host stores and that changes at each registration: a copy of its disk has an outdated one. */
  readonly incarnation: string;
  /** Raised by a fence, and when a drain is lifted. References of an earlier epoch have not followed the host yet. */
  readonly epoch: number;
  /**
   * The principal that signed its first registration, or that an operator has named since (an ARN). '': it was adopted
   * with an earlier version, which named no principal, so it is bound to none.
   */
  readonly principal: string;
  /** The machine that it is, as far as the machine has identified itself. */
  readonly machine: MachinePrint;
  /**
   * References of an earlier epoch than this are those of a machine that was this host before: they stay dormant, and
   * the present machine cannot release them. 0: no such reference.
   */
  readonly ownEpoch: number;
  /** What happens to those: they are dormant until their space forgets them, or they end because that machine is dead. */
  readonly former: '' | 'asleep' | 'dead';
  /** ms: when another machine last tried to register as this host. 0: none ever did. */
  readonly rivalAt: number;
  /** An operator made another machine this host: events of EC2 about the instance of this id do not apply to it. */
  readonly isAdopted: boolean;
  /** An operator has named its principal, which has not registered yet: until then no machine is the host. */
  readonly isAwaited: boolean;
  /** ms: since when it has been this machine. */
  readonly since: number;
  /** ms */
  readonly lastSeen: number;
  /** The highest sequence that it has sent. */
  readonly floor: string;
  /** It took the place of a machine that had disappeared: what it may have of that machine's journal is void. */
  readonly isFresh: boolean;
  readonly shimVersion: string;
  /** '' where it is not known. */
  readonly engineVersion: string;
  /** `undefined`: its shim is of an earlier version, which does not say. */
  readonly health: HostHealth | undefined;
  /**
   * - `draining`: it is about to go, and gets nothing new.
   * - `fenced`: it was silent past its lease. What it holds is quarantined: a host without the cloud may still be on its LAN.
   * - `dead`: proven dead or declared so; what it held is free.
   */
  readonly state: 'live' | 'draining' | 'fenced' | 'dead';
  /** ms: until then it counts as live. Each registration renews it. */
  readonly leaseUntil: number;
  /** ms: since when it is fenced or dead. */
  readonly fencedAt: number | undefined;
  /** Why it is not live; '' while it is. */
  readonly why: string;
  /** ms: when its state or epoch last changed. 0: an earlier version did not record it. */
  readonly changedAt: number;
  /** Its references may not have followed its state yet. */
  readonly refsLag: boolean;
  /** The keys of the operators' recent messages about it: a copy of one is ignored. */
  readonly heard: readonly string[];
  /** ms: when the last of them arrived. 0: none did, or an earlier version did not record it. */
  readonly heardAt: number;
  /** Changes with every write. */
  readonly rev: string;
}

/** The most ms between two heartbeats of a host. */
export const HEARTBEAT_MS = 600_000;
/** ms: a host that was seen so recently counts as live. */
export const LEASE_MS = 3 * HEARTBEAT_MS;
const MIN_HEARTBEAT_MS = 10_000;

/**
 * ms between two heartbeats of a host whose space remembers silent ones for so long (ms). A space that reclaims what they
 * hold within minutes needs more frequent heartbeats.
 */
export const heartbeatFor = (forgetAfter: number): number =>
  Math.max(MIN_HEARTBEAT_MS, Math.min(HEARTBEAT_MS, forgetAfter / 6));

/** ms for which a host counts as live after each heartbeat. */
export const leaseFor = (forgetAfter: number): number => 3 * heartbeatFor(forgetAfter);
export const FIRST_EPOCH = 1;
/** No other machine was this host before, or what it held belongs to the present one. */
export const NOBODY_BEFORE = { ownEpoch: 0, former: '' } as const;
/** ms after which no request can still be under way. */
export const IN_FLIGHT_MS = 60_000;

/** ms after which the index of a host's references usually shows what was written. */
export const INDEX_LAG_MS = 900_000;

/** Whether references may still turn up that have not followed the state of their host. */
export const mayTurnUp = ({ changedAt, fencedAt = 0 }: Host, now: number): boolean =>
  now < Math.max(changedAt, fencedAt) + INDEX_LAG_MS;

/** It sent no heartbeat for a whole lease. */
export const isSilent = ({ state, leaseUntil }: Host, now: number): boolean =>
  (state === 'live' || state === 'draining') && now >= leaseUntil;

/** Its lease has not ended: it was seen so recently that it probably runs. */
export const isInLease = ({ state, leaseUntil }: Host, now: number): boolean =>
  (state === 'live' || state === 'draining') && now < leaseUntil;

/**
 * The principal that a host is bound to. All sessions of a role are one principal, since each renewal of credentials may
 * name a new session. The exception is EC2, which names the session after the instance: each instance is its own principal.
 */
export function boundPrincipal(arn: string): string {
  const { role, session } = parseSession(arn) ?? {};
  return role === undefined || isInstanceId(session ?? '') ? arn : role;
}

/** The name of the session of a role. `undefined`: the principal is not such a session. */
export const sessionOf = (arn: string): string | undefined => parseSession(arn)?.session;

function parseSession(arn: string): { readonly role: string; readonly session: string } | undefined {
  const [, role, session] = /^(arn:[\w-]+:sts::\d+:assumed-role\/[^/]+)\/(.+)$/.exec(arn) ?? [];
  return role === undefined || session === undefined ? undefined : { role, session };
}
