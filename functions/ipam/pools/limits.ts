/**
 * The limits that an operator sets for a space. They apply to new requests: what is held already stays. Each family counts
 * separately, so that a network with IPv4 and IPv6 counts as one. Without a limit, nothing is read.
 */
import { type Cidr, type Family, cidrRange, contains, formatCidr } from '../../../protocol/address.ts';
import { isInstanceId } from '../../../protocol/ids.ts';
import { allHosts } from '../all-hosts.ts';
import { allSettledOrThrow } from '../all-settled.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import { type Host, boundPrincipal, sessionOf } from '../host.ts';
import { pages } from '../pages.ts';
import { ANNOUNCEMENT_TIMEOUT_MS, type Pool, hasExpired, isElder, isSamePool } from '../pool.ts';
import { clip } from '../quote.ts';
import type { Ref } from '../ref.ts';
import { Refusal } from '../refusal.ts';
import type { SpaceConfig } from '../space.ts';
import type { IndexedRef, Store } from '../store.ts';
import { pauseWithJitter } from '../world.ts';
import type { PoolCounts } from './pool-counts.ts';

/** ms between two counts while announcements of others may still be withdrawn. */
const RECOUNT_PAUSE_MS = 40;
/** Longer than the ARN of a role. */
const MAX_PRINCIPAL_LENGTH = 300;
/** References that are read at the same time. */
const MAX_READS_AT_ONCE = 16;

const everything = (family: Family): Cidr => ({ family, first: 0n, prefix: 0 });

/** The pools of a space that start within a prefix, ascending; reads only as many pages as the caller needs. */
export async function* poolsWithin(store: Store, space: string, within: Cidr): AsyncGenerator<Pool> {
  const range = cidrRange(within);
  for await (const { items } of pages((last?: Pool) => store.poolsStartingIn(space, range, last?.cidr))) yield* items;
}

export const allPools = (store: Store, space: string, family: Family): AsyncGenerator<Pool> =>
  poolsWithin(store, space, everything(family));

export interface Room {
  /** Pools of each family that the space may hold. `undefined`: any number. */
  readonly maxPools: number | undefined;
  /** What this process has counted. Without it, the pools are counted each time. */
  readonly counts?: PoolCounts;
}

/**
 * Holds back an announced pool until its space has room for it. Every call announces first and counts all others
 * afterwards, so that of calls that exceed a limit together the last to announce counts them all. Of several that would
 * exceed it, the later ones give way, and the earlier ones wait until they have.
 *
 * Far below the limit the count may be one that this process took lately (see `PoolCounts`).
 *
 * @throws Refusal `limit-reached` when there is no room, `busy` when that remained unclear until the deadline.
 */
export async function awaitRoom(deps: Deps, call: Call, pool: Pool, { maxPools: max, counts }: Room): Promise<void> {
  if (max === undefined || counts?.showRoom(pool, max, deps.world.now()) === true) return;
  const end = Math.min(call.deadline, pool.announcedAt + ANNOUNCEMENT_TIMEOUT_MS);
  do {
    const began = deps.world.now();
    const { ahead, others } = await countOthers(deps, pool, max);
    if (others < max) counts?.remember(pool, others + 1, began);
    if (others < max) return;
    if (ahead >= max) refuseFull(pool, max);
    await pauseWithJitter(deps.world, RECOUNT_PAUSE_MS);
  } while (deps.world.now() < end);
  throw new Refusal('busy', `others are creating the last pools that space ${pool.space} may hold; try again`);
}

/**
 * How many other pools there are, and how many of them have precedence over an announced one. Counts no further than it
 * must. An abandoned announcement could still be confirmed, so it counts until it is removed.
 */
async function countOthers(
  { store, world }: Deps,
  pool: Pool,
  max: number,
): Promise<{ ahead: number; others: number }> {
  let [ahead, others] = [0, 0];
  for await (const other of allPools(store, pool.space, pool.cidr.family)) {
    if (isSamePool(other, pool)) continue;
    if (hasExpired(other, world.now()) && (await store.removePool(other))) continue;
    others++;
    if (other.state !== 'pending' || isElder(other, pool)) ahead++;
    if (ahead >= max) break;
  }
  return { ahead, others };
}

function refuseFull({ space, cidr }: Pool, max: number): never {
  throw new Refusal(
    'limit-reached',
    `space ${space} may hold ${max} IPv${cidr.family} pools, and all of them are taken; ` +
      'remove unused networks (docker network prune), join an existing subnet (--subnet), ' +
      `or ask an operator to raise the limit (berth space set ${space} --max-pools NUMBER)`,
  );
}

/**
 * Refuses a reference that was just added if its host has too many. They are found by the index, which lags a little:
 * concurrent calls may exceed the limit together. References of other attempts of the same call do not count, since they
 * are undone.
 *
 * @param max `undefined`: any number.
 * @throws Refusal `limit-reached`
 */
export async function refuseCrowdedHost(deps: Deps, ref: Ref, max: number | undefined): Promise<void> {
  if (max === undefined) return;
  let held = 0;
  for await (const { items } of pages((last?: IndexedRef) => deps.store.refsOfHost(ref.hostId, last))) {
    const others = items.filter(({ requestKey }) => requestKey !== ref.requestKey);
    for (let from = 0; from < others.length && held < max; from += MAX_READS_AT_ONCE) {
      held += await countBeside(deps.store, ref, others.slice(from, from + MAX_READS_AT_ONCE));
    }
    if (held >= max) refuseMore(ref, max);
  }
}

/**
 * Refuses a network to a host whose principal has too many older hosts: one machine that registers many ids would bypass
 * the limit of networks per host. Dead hosts do not count. If there is a limit, it reads all hosts, in pages.
 *
 * @param most `undefined`: any number; for an EC2 instance, one apart from the host of its own id.
 * @throws Refusal `limit-reached`
 */
export async function refuseManyHosts(
  { store }: Deps,
  { principal: signer = '' }: Pick<Call, 'principal'>,
  { hostId, space }: Pick<Ref, 'hostId' | 'space'>,
  most: number | undefined,
): Promise<void> {
  const max = most ?? (isOfInstance(signer, hostId) ? 1 : undefined);
  if (max === undefined) return;
  const own = await store.readHost(hostId);
  // An operator has confirmed that an adopted host is this machine.
  if (own === undefined || (most === undefined && own.isAdopted)) return;
  const principal = boundPrincipal(own.principal);
  let elder = 0;
  for await (const host of allHosts(store)) {
    const isOther = host.id === hostId || host.state === 'dead' || boundPrincipal(host.principal) !== principal;
    if (!isOther && isElderHost(host, own)) elder++;
    if (elder >= max) break;
  }
  if (elder < max) return;
  throw new Refusal(
    'limit-reached',
    `space ${space} allows ${max} hosts of one principal, and ${clip(principal, MAX_PRINCIPAL_LENGTH)} has as many that ` +
      `registered before ${hostId}; give each machine its own user or role, ` +
      `or ask an operator to raise the limit (berth space set ${space} --max-hosts-per-principal NUMBER)`,
  );
}

/** Whether an instance signs for a host whose id is not that of the instance. */
function isOfInstance(signer: string, hostId: string): boolean {
  const session = sessionOf(signer);
  return session !== undefined && session !== hostId && isInstanceId(session);
}

/** A total order: hosts that registered at the same time are ordered by their ids. */
const isElderHost = (a: Host, b: Host): boolean => (a.since === b.since ? a.id < b.id : a.since < b.since);

/** Why a space does not allow a requested pool. `undefined`: it does. Existing pools stay, and may be joined. */
export function whyUnwanted(
  space: string,
  { ranges, widest, givenOutside }: Pick<SpaceConfig, 'ranges' | 'widest' | 'givenOutside'>,
  cidr: Cidr,
): Refusal | undefined {
  if (cidr.prefix < widest[cidr.family]) return tooWide(space, widest[cidr.family], formatCidr(cidr), cidr);
  if (givenOutside || ranges.some((range) => contains(range, cidr))) return undefined;
  return new Refusal(
    'limit-reached',
    `invalid address pool: ${formatCidr(cidr)} lies outside the ranges of space ${space}, which the space does not allow; ` +
      `choose one within ${ranges.map(formatCidr).join(', ') || 'its ranges (it has none)'}, ` +
      `or ask an operator to allow it (berth space set ${space} --given-outside yes)`,
  );
}

/** @param what is too wide. */
export const tooWide = (
  space: string,
  widest: number,
  what: string,
  { family, prefix }: Pick<Cidr, 'family' | 'prefix'>,
): Refusal =>
  new Refusal(
    'limit-reached',
    `invalid address pool: ${what} is wider than /${widest}, the widest that space ${space} allows; ` +
      `choose a longer prefix, or ask an operator to allow it (berth space set ${space} --widest${family} ${prefix})`,
  );

/** How many of some references have not ended and are in the space and the family of another. */
async function countBeside(store: Store, ref: Ref, indexed: readonly IndexedRef[]): Promise<number> {
  const refs = await allSettledOrThrow(indexed.map(({ generation, name }) => store.readRef(generation, name)));
  return refs.filter(
    (other) => other?.space === ref.space && other.cidr.family === ref.cidr.family && other.state !== 'gone',
  ).length;
}

function refuseMore({ hostId, space, cidr }: Ref, max: number): never {
  throw new Refusal(
    'limit-reached',
    `host ${hostId} may have ${max} IPv${cidr.family} networks in space ${space}, and has reached that number, counting ` +
      'those that it is requesting now; remove unused networks (docker network prune), ' +
      `or ask an operator to raise the limit (berth space set ${space} --max-networks-per-host NUMBER)`,
  );
}
