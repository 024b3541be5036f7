/**
 * The limits that an operator sets for a space. They hold for what is asked for from now on: what is held already stays.
 * Each family counts for itself, so that a network with IPv4 and IPv6 is one. Where there is no limit, nothing is read.
 */
import { isInstanceId } from '../../../protocol/ids.ts';
import { type Cidr, type Family, cidrRange, contains, formatCidr } from '../address.ts';
import { allHosts } from '../all-hosts.ts';
import { allSettledOrThrow } from '../all-settled.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import { type Host, boundPrincipal, sessionOf } from '../host.ts';
import { ANNOUNCEMENT_TIMEOUT, type Pool, hasExpired, isElder, isSamePool } from '../pool.ts';
import { clip } from '../quote.ts';
import type { Ref } from '../ref.ts';
import { Refusal } from '../refusal.ts';
import type { SpaceConfig } from '../space.ts';
import type { IndexedRef, Page, Store } from '../store.ts';
import { pauseWithJitter } from '../world.ts';

/** ms between two counts while announcements of others may yet be withdrawn. */
const PAUSE = 40;
/** More than a role's ARN has. */
const MAX_PRINCIPAL_LENGTH = 300;
/** References that are read at once. */
const AT_ONCE = 16;

const everything = (family: Family): Cidr => ({ family, first: 0n, prefix: 0 });

/** The pools of a space that start within a prefix, ascending; as many pages as the caller goes through. */
export async function* poolsWithin(store: Store, space: string, within: Cidr): AsyncGenerator<Pool> {
  let page: Page<Pool> = { items: [], more: true };
  while (page.more) {
    page = await store.poolsStartingIn(space, cidrRange(within), page.items.at(-1)?.cidr);
    yield* page.items;
  }
}

export const allPools = (store: Store, space: string, family: Family): AsyncGenerator<Pool> =>
  poolsWithin(store, space, everything(family));

/**
 * Holds back a pool that was announced until its space has room for it. Whoever goes ahead has announced first and
 * counted all others afterwards, so that of those who exceed a limit together the last to announce counts them all. Of
 * several who would, the younger ones give way, and the elder wait until they have.
 *
 * @param max `undefined`: any number.
 * @throws Refusal `limit-reached` when there is no room, `busy` when that was not to be found out in time.
 */
export async function awaitRoom(deps: Deps, call: Call, pool: Pool, max: number | undefined): Promise<void> {
  if (max === undefined) return;
  const end = Math.min(call.deadline, pool.announcedAt + ANNOUNCEMENT_TIMEOUT);
  do {
    const { ahead, others } = await countOthers(deps, pool, max);
    if (others < max) return;
    if (ahead >= max) refuseFull(pool, max);
    await pauseWithJitter(deps.world, PAUSE);
  } while (deps.world.now() < end);
  throw new Refusal('busy', `others are creating the last pools that space ${pool.space} may hold: try again`);
}

/**
 * How many other pools there are, and how many of them go ahead of one that was announced. Counts no further than it
 * must. An abandoned announcement could be confirmed late, so it counts until it is removed.
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
    `space ${space} may hold ${max} IPv${cidr.family} pools, and all of them are taken: ` +
      'remove unused networks (docker network prune), join a subnet that stands (--subnet), ' +
      `or have an operator raise the limit (berth space set ${space} --max-pools NUMBER)`,
  );
}

/**
 * Refuses a reference that was added when its host has too many. They are found by the index, which lags a little: calls
 * of the same moment may exceed the limit together. What other attempts of the same call have left does not count, since
 * it is undone.
 *
 * @param max `undefined`: any number.
 * @throws Refusal `limit-reached`
 */
export async function refuseCrowdedHost(deps: Deps, ref: Ref, max: number | undefined): Promise<void> {
  if (max === undefined) return;
  let held = 0;
  let page: Page<IndexedRef> = { items: [], more: true };
  while (page.more) {
    page = await deps.store.refsOfHost(ref.hostId, page.items.at(-1));
    const others = page.items.filter(({ requestKey }) => requestKey !== ref.requestKey);
    for (let from = 0; from < others.length && held < max; from += AT_ONCE) {
      held += await countBeside(deps.store, ref, others.slice(from, from + AT_ONCE));
    }
    if (held >= max) refuseMore(ref, max);
  }
}

/**
 * Refuses a network to a host whose principal has so many elder hosts: one machine that registers ids by the dozen would
 * pass the limit of networks per host. The dead do not count. Reads all hosts, in pages, where there is a limit.
 *
 * @param most `undefined`: any number, but for an EC2 instance one beside the host of its own id.
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
  // That an adopted host is this machine, an operator has said.
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
    `space ${space} is for ${max} hosts of one principal, and ${clip(principal, MAX_PRINCIPAL_LENGTH)} has as many that ` +
      `were registered before ${hostId}: give each machine a user or a role of its own, ` +
      `or have an operator raise the limit (berth space set ${space} --max-hosts-per-principal NUMBER)`,
  );
}

/** Whether an instance signs for a host that is not called as it is. */
function isOfInstance(signer: string, hostId: string): boolean {
  const session = sessionOf(signer);
  return session !== undefined && session !== hostId && isInstanceId(session);
}

/** A total order: of those that registered in one moment, by their ids. */
const isElderHost = (a: Host, b: Host): boolean => (a.since === b.since ? a.id < b.id : a.since < b.since);

/** Why a space gives no such pool to who asks for it, if so. Pools that stand, stay, and may be joined. */
export function whyUnwanted(
  space: string,
  { ranges, widest, givenOutside }: Pick<SpaceConfig, 'ranges' | 'widest' | 'givenOutside'>,
  cidr: Cidr,
): Refusal | undefined {
  if (cidr.prefix < widest[cidr.family]) return tooWide(space, widest[cidr.family], formatCidr(cidr), cidr);
  if (givenOutside || ranges.some((range) => contains(range, cidr))) return undefined;
  return new Refusal(
    'limit-reached',
    `invalid address pool: ${formatCidr(cidr)} lies outside of the ranges of space ${space}, and no network may ask for ` +
      `such a subnet: choose one within ${ranges.map(formatCidr).join(', ') || 'its ranges, of which it has none'}, ` +
      `or have an operator allow it (berth space set ${space} --given-outside yes)`,
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
    `invalid address pool: ${what} is wider than /${widest}, the widest that a network may ask for in space ${space}: ` +
      `choose a longer prefix, or have an operator allow it (berth space set ${space} --widest${family} ${prefix})`,
  );

/** How many of some references stand, in the space and the family of another. */
async function countBeside(store: Store, ref: Ref, indexed: readonly IndexedRef[]): Promise<number> {
  const refs = await allSettledOrThrow(indexed.map(({ generation, name }) => store.readRef(generation, name)));
  return refs.filter(
    (other) => other?.space === ref.space && other.cidr.family === ref.cidr.family && other.state !== 'gone',
  ).length;
}

function refuseMore({ hostId, space, cidr }: Ref, max: number): never {
  throw new Refusal(
    'limit-reached',
    `host ${hostId} may have ${max} IPv${cidr.family} networks in space ${space}, and has them all, those that it asks ` +
      'for at this moment included: remove unused networks (docker network prune), ' +
      `or have an operator raise the limit (berth space set ${space} --max-networks-per-host NUMBER)`,
  );
}
