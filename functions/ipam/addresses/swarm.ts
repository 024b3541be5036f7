/**
 * What Swarm's managers ask for (docs/decisions/0007-swarm.md). The leader of the managers takes subnets and addresses in
 * the global space, and each node takes what the leader has assigned to it in its local one. A leader that starts, after a
 * restart or in another's place, requests every subnet and address again that Swarm has in use. Nothing releases what the
 * previous leader was given.
 */
import type { Cidr } from '../../../protocol/address.ts';
import { isGlobalSpace } from '../../../protocol/ids.ts';
import type { Call } from '../call.ts';
import type { SlotPlace } from '../chunk.ts';
import type { Deps } from '../deps.ts';
import { pages } from '../pages.ts';
import type { PoolId } from '../pool-id.ts';
import { refuseUnusable } from '../ref-check.ts';
import type { Ref } from '../ref.ts';
import { Refusal } from '../refusal.ts';
import { decodeSlot } from '../slot.ts';
import type { SpaceConfig } from '../space.ts';

/** Only managers put this option on every request for an address. */
const SWARM_MARK = 'com.docker.network.ipam.serial';

/**
 * Whether a manager asks. In the global space only managers may ask: a later leader ends the networks that it finds there.
 *
 * @throws Refusal when another caller asks there.
 */
export function isByManager({ space }: PoolId, options: Readonly<Record<string, string>>): boolean {
  if (!isGlobalSpace(space)) return false;
  if (SWARM_MARK in options) return true;
  throw new Refusal(
    'invalid-request',
    `address space ${space} is only for the managers of a swarm; outside Swarm, use a network driver of local scope`,
  );
}

/** How often a counter that others keep raising is tried. */
const MAX_TRIES = 8;
/** Managers that an error names. */
const MAX_NAMED_MANAGERS = 3;

interface LeaderRequest extends Pick<SpaceConfig, 'managers'> {
  readonly space: string;
  /** The subnet that is requested. `undefined`: an automatic pool. */
  readonly cidr: Cidr | undefined;
}

/**
 * The term of the leader that asks for a pool: a number from the table, so that the leader does not depend on any clock.
 * Each request has its own, which stays with its network: a late duplicate does not bring back a former leader.
 *
 * @throws Refusal `not-manager` when no operator has named the host.
 */
export async function termOf(deps: Deps, call: Call, { space, managers, cidr }: LeaderRequest): Promise<number> {
  const isNamed =
    managers?.includes(call.hostId) ?? (cidr !== undefined && (await hasPlanned(deps, call, space, cidr)));
  if (!isNamed) throw noManager(call, space, managers);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const seen = await deps.store.readTerm(space);
    if (await deps.store.raiseTerm(space, seen)) return seen + 1;
  }
  throw new Refusal('busy', `several leaders request pools at once in space ${space}; try again`);
}

/** While no operator has named managers, hosts that allocated with an earlier version may continue with what they have. */
async function hasPlanned({ store }: Deps, { hostId }: Call, space: string, cidr: Cidr): Promise<boolean> {
  const pool = await store.readPool(space, cidr);
  if (pool === undefined || pool.state === 'pending') return false;
  for await (const { items } of pages((last?: Ref) => store.refsOf(pool.generation, last?.name))) {
    if (items.some((ref) => ref.hostId === hostId && ref.state !== 'gone')) return true;
  }
  return false;
}

function noManager({ hostId }: Call, space: string, managers: readonly string[] = []): Refusal {
  const named =
    managers.slice(0, MAX_NAMED_MANAGERS).join(', ') + (managers.length > MAX_NAMED_MANAGERS ? ' and more' : '');
  const all = [...managers, hostId].join(',');
  return new Refusal(
    'not-manager',
    `address space ${space} is only for the swarm managers that an operator has named ` +
      `(${named === '' ? 'none so far' : named}); if host ${hostId} is a manager, run ` +
      `berth space set ${space} --managers ${managers.length > MAX_NAMED_MANAGERS ? `…,${hostId}` : all}; ` +
      'outside Swarm, use a network driver of local scope',
  );
}

/** A leader of a lower term is older. Without terms, in earlier versions, it is the one whose request is older. */
const isElder = (ref: Ref, own: Ref): boolean =>
  (ref.term ?? 0) < (own.term ?? 0) || ((ref.term ?? 0) === (own.term ?? 0) && ref.requestKey < own.requestKey);

/**
 * Replaces the networks that earlier leaders had on the same pool by the network of this leader. It takes over their
 * leases as it asks for each. Only networks of older leaders end: of two leaders that meet here, one stays.
 *
 * @throws Refusal when a later leader has taken this one's place.
 */
export async function takeOverFromFormerLeaders(deps: Deps, call: Call, id: PoolId): Promise<void> {
  const own = await deps.store.readRef(id.generation, id.ref);
  refuseUnusable(own, id, call);
  for await (const { items } of pages((last?: Ref) => deps.store.refsOf(id.generation, last?.name))) {
    for (const elder of items.filter((ref) => ref.state !== 'gone' && isElder(ref, own))) {
      await deps.store.endRef(elder.generation, elder.name, deps.world.now());
    }
  }
}

/**
 * Takes over an address that the network of an earlier leader leases.
 *
 * @param claim `held`: the encoded slot that prevents it.
 * @returns whether it was taken over; never in a local space, or from a network that has not ended.
 */
export async function takeOverAddress(
  { store }: Deps,
  id: PoolId,
  place: SlotPlace,
  { value, sticky, held }: { readonly value: string; readonly sticky: string; readonly held: string },
): Promise<boolean> {
  const slot = decodeSlot(held);
  if (!isGlobalSpace(id.space) || slot.kind !== 'leased') return false;
  const holder = await store.readRef(id.generation, slot.ref);
  if (holder !== undefined && holder.state !== 'gone') return false;
  return (await store.writeSlot(place, value, sticky, { kind: 'exactly', value: held })).written;
}
