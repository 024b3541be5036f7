/** A host: one Docker host, as the fleet knows it. What it holds is bound to its id, so that nobody else may be it. */
import { isInstanceId } from '../../protocol/ids.ts';
import type { MachinePrint } from './machine.ts';

export interface Host {
  readonly id: string;
  /** A nonce that the host holds and that changes at each registration: a copy of its disk holds one of yesterday. */
  readonly incarnation: string;
  /** Raised by a fence, and when a drain is lifted: what is of an earlier one has not followed yet. */
  readonly epoch: number;
  /**
   * Who signed its first registration, or whom an operator has named since (an ARN). '': an earlier version let it be
   * adopted by whoever came first, so that it is nobody.
   */
  readonly principal: string;
  /** The machine that it is, as far as that has told. */
  readonly machine: MachinePrint;
  /**
   * References of an earlier epoch are those of a machine that was this host before: they stay asleep, and this one can
   * give nothing of them back. 0: there are none.
   */
  readonly ownEpoch: number;
  /** What becomes of those: they sleep until their space forgets them, or, since that machine is dead, they end. */
  readonly former: '' | 'asleep' | 'dead';
  /** ms: when another machine tried last to register as this host. 0: none ever did. */
  readonly rivalAt: number;
  /** Another machine was let be this host: what EC2 says of the instance of this id is not said of it. */
  readonly isAdopted: boolean;
  /** An operator has named its principal, which has not registered since: nobody is the host until then. */
  readonly isAwaited: boolean;
  /** ms: for how long it has been this machine. */
  readonly since: number;
  /** ms */
  readonly lastSeen: number;
  /** The highest sequence that was seen of it. */
  readonly floor: string;
  /** It took the place of a machine that was not seen any more: what it may hold of that one's journal is void. */
  readonly isFresh: boolean;
  readonly shimVersion: string;
  /** '' where it is not known. */
  readonly engineVersion: string;
  /**
   * - `draining`: it is about to go, and gets nothing new.
   * - `fenced`: it was silent past its lease. What it holds is quarantined: without the cloud it may well have its LAN.
   * - `dead`: for certain; what it held is free.
   */
  readonly state: 'live' | 'draining' | 'fenced' | 'dead';
  /** ms: until then it is taken to live. Each registration renews it. */
  readonly leaseUntil: number;
  /** ms: since when it is fenced or dead. */
  readonly fencedAt: number | undefined;
  /** Why it is not live; '' while it is. */
  readonly why: string;
  /** ms: when it came to its state or epoch. 0: before that was noted. */
  readonly changedAt: number;
  /** Its references may not have followed its state yet. */
  readonly refsLag: boolean;
  /** What operators have said of it of late, by the key of each message: a copy of one is not heard again. */
  readonly heard: readonly string[];
  /** Changes with every write. */
  readonly rev: string;
}

/** ms between two signs of life of a host, at most. */
export const HEARTBEAT = 600_000;
/** ms: a host that was seen so recently is taken to live. */
export const LEASE = 3 * HEARTBEAT;
const MIN_HEARTBEAT = 10_000;

/**
 * ms between two signs of life of a host whose space remembers silent ones for so long (ms): who wants what they hold back
 * within minutes has to hear of them more often.
 */
export const heartbeatFor = (forgetAfter: number): number =>
  Math.max(MIN_HEARTBEAT, Math.min(HEARTBEAT, forgetAfter / 6));

/** ms for which a host is taken to live after each sign of life. */
export const leaseFor = (forgetAfter: number): number => 3 * heartbeatFor(forgetAfter);
export const FIRST_EPOCH = 1;
/** No other machine was this host before, or what it held is the present one's. */
export const NOBODY_BEFORE = { ownEpoch: 0, former: '' } as const;
/** ms after which nothing that was begun can be under way any more. */
export const IN_FLIGHT = 60_000;

/** ms after which the index by which the references of a host are found shows what was written, as a rule. */
export const INDEX_LAG = 900_000;

/** Whether references may yet turn up that have not followed the state of their host. */
export const mayTurnUp = ({ changedAt, fencedAt = 0 }: Host, now: number): boolean =>
  now < Math.max(changedAt, fencedAt) + INDEX_LAG;

/** Nothing was heard of it for a whole lease. */
export const isSilent = ({ state, leaseUntil }: Host, now: number): boolean =>
  (state === 'live' || state === 'draining') && now >= leaseUntil;

/** Its lease has not ended: it was heard of so recently that it may well run. */
export const isInLease = ({ state, leaseUntil }: Host, now: number): boolean =>
  (state === 'live' || state === 'draining') && now < leaseUntil;

/**
 * Whom a host is bound to. The sessions of one role are one principal, since each renewal of credentials may name its
 * session anew; but EC2 names it by the instance, and one instance is not another.
 */
export function boundPrincipal(arn: string): string {
  const { role, session } = parseSession(arn) ?? {};
  return role === undefined || isInstanceId(session ?? '') ? arn : role;
}

/** The name of the session of a role. `undefined`: the principal is none. */
export const sessionOf = (arn: string): string | undefined => parseSession(arn)?.session;

function parseSession(arn: string): { readonly role: string; readonly session: string } | undefined {
  const [, role, session] = /^(arn:[\w-]+:sts::\d+:assumed-role\/[^/]+)\/(.+)$/.exec(arn) ?? [];
  return role === undefined || session === undefined ? undefined : { role, session };
}
