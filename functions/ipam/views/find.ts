/** Finds addresses by their holder: a MAC address, the name of an endpoint, or a host. */
import { type Cidr, cidrRange, formatCidr, parseCidr } from '../../../protocol/address.ts';
import type { Deps } from '../deps.ts';
import type { Pool } from '../pool.ts';
import { type AddressState, addressesAfter } from './addresses.ts';
import { refusePlace } from './place.ts';

/** A page ends once it has found so many, or read so many parts of pools: at most 256 read units each. */
const MAX_FOUND = 256;
const MAX_PARTS = 64;

export interface FoundAddress extends AddressState {
  readonly pool: Cidr;
}

export interface FindPage {
  readonly found: readonly FoundAddress[];
  /** Pools that were read to their end. */
  readonly pools: number;
  /** `false`: in a large pool, addresses that users chose were not read. */
  readonly isAll: boolean;
  /** Where the next page begins. `undefined`: this was the last. */
  readonly next: string | undefined;
}

/** The last pool that was read, and where the next page goes on in it, unless it was read to its end. */
const PLACE = /^(?<pool>[0-9a-f.:]{1,39}\/\d{1,3})(?:\+(?<inner>[0-9a-z]{1,14}))?$/;

/**
 * Reads the pools of a space one after the other: there is no index of holders, which every address would have to pay for.
 *
 * @param text a MAC address, the name of an endpoint or the id of a host, in full.
 * @param after the place where the page before has ended.
 * @param deadline ms: the page ends then.
 */
export async function findAddresses(
  deps: Deps,
  { space, text }: { readonly space: string; readonly text: string },
  after: string | undefined,
  deadline: number,
): Promise<FindPage> {
  refusePlace(after, (place) => parseCidr(PLACE.exec(place)?.groups?.['pool'] ?? '') !== undefined);
  const wanted = text.toLowerCase();
  const isMeant = ({ mac, endpoint, host }: AddressState): boolean =>
    [mac, endpoint, host].some((name) => name !== '' && name.toLowerCase() === wanted);
  const found: FoundAddress[] = [];
  let [pools, parts, isAll] = [0, 0, true];
  for await (const { pool, inner } of poolsFrom(deps, space, PLACE.exec(after ?? '')?.groups)) {
    const name = formatCidr(pool.cidr);
    let place = inner;
    do {
      if (parts > 0 && (parts >= MAX_PARTS || found.length >= MAX_FOUND || deps.world.now() >= deadline)) {
        return { found, pools, isAll, next: `${name}+${place ?? START}` };
      }
      const page = await addressesAfter(deps, pool, place === START ? undefined : place, deadline);
      parts++;
      isAll &&= page.isAll;
      found.push(...page.addresses.filter(isMeant).map((state) => ({ ...state, pool: pool.cidr })));
      place = page.next;
    } while (place !== undefined);
    pools++;
  }
  return { found, pools, isAll, next: undefined };
}

/** In a place: nothing of the pool has been read yet. */
const START = 'start';

/** The pools of a space from a place on, each with where to go on in it. */
async function* poolsFrom(
  { store }: Deps,
  space: string,
  from: Readonly<Record<string, string>> | undefined,
): AsyncGenerator<{ pool: Pool; inner: string | undefined }> {
  const [begin, inner] = [parseCidr(from?.['pool'] ?? ''), from?.['inner']];
  const begun = begin && inner !== undefined ? await store.readPool(space, begin) : undefined;
  if (begun !== undefined) yield { pool: begun, inner };
  for (const family of begin?.family === 6 ? ([6] as const) : ([4, 6] as const)) {
    const range = cidrRange({ family, first: 0n, prefix: 0 });
    let last = begin?.family === family ? begin : undefined;
    for (let more = true; more;) {
      const page = await store.poolsStartingIn(space, range, last);
      for (const pool of page.items) yield { pool, inner: undefined };
      ({ more } = page);
      last = page.items.at(-1)?.cidr;
    }
  }
}
