/** What a host is and holds, for an operator who is about to declare it dead. A look is bounded, and says if it is partial. */
import { type Cidr, usableRange } from '../../../protocol/address.ts';
import { leasesIn } from '../addresses/orphans.ts';
import { MAX_EXAMINED_ADDRESSES, spanOf, windows } from '../addresses/search.ts';
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

async function countLeases({ store, world }: Deps, ref: Ref, deadline: number): Promise<Count> {
  const usable = usableRange(ref.cidr);
  if (usable === undefined) return { count: 0, isAll: true };
  const span = spanOf(usable, ref.cidr.first);
  let count = 0;
  for (const window of windows(span, 0n)) {
    for (const { first, last } of window) {
      if (world.now() >= deadline) return { count, isAll: false };
      for (const chunk of await store.readChunks(ref.generation, first, last)) {
        count += leasesIn(ref.generation, chunk).filter(({ ref: name }) => name === ref.name).length;
      }
    }
  }
  return { count, isAll: span.last - span.first < MAX_EXAMINED_ADDRESSES };
}
