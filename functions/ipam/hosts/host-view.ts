/** What a host is and holds, for an operator who is about to declare it dead. A look is bounded, and says if it is partial. */
import type { Cidr } from '../../../protocol/address.ts';
import { leasesOf } from '../addresses/leases.ts';
import { isSearchable } from '../addresses/region.ts';
import type { Deps } from '../deps.ts';
import { eachRef } from '../host-refs.ts';
import { type Host, isInLease } from '../host.ts';
import type { Ref } from '../ref.ts';
import type { Count } from '../spaces/impact.ts';

/** The most networks that one look lists. */
const MAX_NETWORKS = 64;
/** The most ms that one look takes. */
const TIME_LIMIT_MS = 5_000;

export interface NetworkUse {
  readonly space: string;
  readonly cidr: Cidr;
  /** The addresses that its endpoints lease. */
  readonly addresses: Count;
}

export interface HostView {
  readonly host: Host;
  /** It was seen so recently that it probably runs. */
  readonly isInLease: boolean;
  /** ms since the last heartbeat. */
  readonly silence: number;
  readonly networks: readonly NetworkUse[];
  /** `false`: it has more networks, which are not listed. */
  readonly isAll: boolean;
}

/**
 * Its networks that have not ended, through the index, which lags a little.
 *
 * @returns `undefined`: no host of that id has ever registered.
 */
export async function viewHost(deps: Deps, hostId: string): Promise<HostView | undefined> {
  const host = await deps.store.readHost(hostId);
  if (host === undefined) return undefined;
  const now = deps.world.now();
  const deadline = now + TIME_LIMIT_MS;
  const networks: NetworkUse[] = [];
  let seen = 0;
  const isAll = await eachRef(deps, hostId, deadline, async (ref) => {
    const number = seen++;
    if (number >= MAX_NETWORKS) return false;
    networks[number] = { space: ref.space, cidr: ref.cidr, addresses: await countLeases(deps, ref, deadline) };
    return true;
  });
  return { host, isInLease: isInLease(host, now), silence: Math.max(0, now - host.lastSeen), networks, isAll };
}

async function countLeases(deps: Deps, ref: Ref, deadline: number): Promise<Count> {
  const isOver = (): boolean => deps.world.now() >= deadline;
  let count = 0;
  for await (const leases of leasesOf(deps, [ref], isOver)) count += leases.length;
  return { count, isAll: isSearchable(ref) && !isOver() };
}
