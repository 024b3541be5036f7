/**
 * A reference: one network of one host that uses a pool. Docker's PoolID names it. A pool lives while it has a reference.
 */
import type { Address, Cidr, Range } from '../../protocol/address.ts';
import type { Call } from './call.ts';
import { type World, digestText } from './world.ts';

export const HOST_TAG_WIDTH = 8;
export const REF_NAME_WIDTH = 14;

export interface Ref {
  /** `<host tag><6 of a hash of the attempt>`: the tag shows its host without a look-up. */
  readonly name: string;
  /** The life of the pool that it belongs to. */
  readonly generation: string;
  readonly space: string;
  readonly cidr: Cidr;
  /** Where automatic addresses come from, if narrower than the pool. */
  readonly subPool: Cidr | undefined;
  readonly hostId: string;
  readonly epoch: number;
  readonly requestKey: string;
  /** The pool's default gateway, if this network keeps it. */
  readonly gateway: Address | undefined;
  /** What else this network keeps from endpoints: another gateway, auxiliary and `berth.reserve` addresses. */
  readonly reserved: readonly Range[];
  /** Those of them that dockerd has requested; it requests each once. */
  readonly asked: readonly Asked[];
  /**
   * - `draining`: its host is about to go, so it gets no address.
   * - `dormant`: its host is fenced; the pool stays.
   * - `reviving`: it was gone, and its host is reporting what it leases; until that is done it gets no other address.
   * - `gone`: a tombstone, so that a late write finds that it was released.
   */
  readonly state: 'live' | 'draining' | 'dormant' | 'reviving' | 'gone';
  /** ms: since when it is dormant. */
  readonly fencedAt: number | undefined;
  /** ms: since when it is gone. */
  readonly endedAt: number | undefined;
  /** In a space of managers: the term of its leader. `undefined`: in another space, or made by an earlier version. */
  readonly term?: number | undefined;
}

/** What a network keeps from endpoints, and why. */
export type Kept = Pick<Ref, 'gateway' | 'reserved' | 'asked'>;

/** An address that dockerd has requested to be kept, by a request that named it or was for the gateway. */
export interface Asked {
  readonly address: Address;
  /** The sequence of the request. */
  readonly sequence: string;
}

/** The fields of a reference that follow the state of its host. */
export type RefStanding = Pick<Ref, 'state' | 'epoch' | 'fencedAt' | 'endedAt'>;

export const hostTag = (world: World, hostId: string): string => digestText(world, `host ${hostId}`, HOST_TAG_WIDTH);

/**
 * The name of a reference that an attempt of a call adds: the same for a copy of that attempt, so that it finds the
 * reference instead of adding another.
 *
 * @param number 0 for the first that the attempt adds.
 */
export function refNameOf(
  world: World,
  { hostId, requestKey, attempt }: Pick<Call, 'hostId' | 'requestKey' | 'attempt'>,
  number: number,
): string {
  const own = digestText(world, `ref ${requestKey} ${attempt} ${number}`, REF_NAME_WIDTH - HOST_TAG_WIDTH);
  return hostTag(world, hostId) + own;
}

export const hostTagOf = (refName: string): string => refName.slice(0, HOST_TAG_WIDTH);

export const isHostTag = (text: string): boolean => /^[0-9a-z]{8}$/.test(text);

export const isRefName = (text: string): boolean => /^[0-9a-z]{14}$/.test(text);
