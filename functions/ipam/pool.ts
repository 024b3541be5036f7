/** A pool: a subnet in a space. Confirmed pools of one space never overlap. */
import { type Address, type Cidr, formatCidr, sameCidr } from '../../protocol/address.ts';

/** What the first host sets for all that share the pool. */
export interface PoolSettings {
  /** Kept for the network's gateway even when dockerd does not ask for one; absent in tiny pools and by choice. */
  readonly gateway: Address | undefined;
  /** ms that a freed address rests before another endpoint may have it. */
  readonly cooldown: number;
  /** No second network may join. */
  readonly exclusive: boolean;
}

export interface PoolDraft extends PoolSettings {
  readonly space: string;
  readonly cidr: Cidr;
  /** ms since the epoch; the earlier of two announcements that overlap wins. */
  readonly announcedAt: number;
  /** The host that created it, so that people can see which host uses up a space. */
  readonly createdBy: string;
}

export interface Pool extends PoolDraft {
  /** Unique for one life of the pool, from its announcement to its removal. */
  readonly generation: string;
  /** New on every change: a write is conditional on the exact state that was read. */
  readonly rev: string;
  /** `retiring`: its last reference has left, and it blocks others as a confirmed one does. */
  readonly state: 'pending' | 'confirmed' | 'retiring';
}

/** Whether both are one life of one subnet. The generation alone is not enough: it belongs to one space and CIDR. */
export const isSamePool = (a: Pool, b: Pool): boolean =>
  a.generation === b.generation && a.space === b.space && sameCidr(a.cidr, b.cidr);

export const isGeneration = (text: string): boolean => /^[0-9a-z]{12}$/.test(text);

/** An announcement that is not confirmed after this long (ms) was abandoned, and anyone may remove it. */
export const ANNOUNCEMENT_TIMEOUT_MS = 5_000;

/** Whether an announcement was abandoned. */
export const hasExpired = ({ state, announcedAt }: Pool, now: number): boolean =>
  state === 'pending' && announcedAt + ANNOUNCEMENT_TIMEOUT_MS < now;

/** By time of announcement, then by name. This is a total order, so that two rivals in a space agree on it. */
export function isElder(a: Pool, b: Pool): boolean {
  return a.announcedAt === b.announcedAt ? nameOf(a) < nameOf(b) : a.announcedAt < b.announcedAt;
}

const nameOf = ({ generation, cidr }: Pool): string => `${generation} ${formatCidr(cidr)}`;
