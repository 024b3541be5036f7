/**
 * The operators' side of a space: its settings, and how they are changed while it has networks. A change is conditional on
 * the exact settings that it was made from, so that of two at once neither undoes the other. A change that would affect
 * what is held is refused with the consequences, and is made only with `force`.
 */
import { contains, formatCidr, sameCidr } from '../../../protocol/address.ts';
import { durationText } from '../../../protocol/duration.ts';
import { globalSpaceOf, isGlobalSpace } from '../../../protocol/ids.ts';
import { allSettledOrThrow } from '../all-settled.ts';
import type { Deps } from '../deps.ts';
import { LEASE_MS, leaseFor } from '../host.ts';
import { Refusal } from '../refusal.ts';
import { type Space, type SpaceConfig, type SpaceSettings, configOf } from '../space.ts';
import { type Count, countPools, hostsForgotten, poolsLeftOut, poolsOverlapping } from './impact.ts';
import { type SpacePatch, applyPatch, familiesWithoutRoom, refuseContradictory } from './settings.ts';

export interface SpaceView {
  readonly space: string;
  readonly config: SpaceConfig;
  /** The settings that an operator has set. */
  readonly settings: SpaceSettings;
  readonly rev: string | undefined;
  /** Pools that exist or are being created. */
  readonly held: Readonly<Record<4 | 6, Count>>;
}

export interface SpaceChange {
  readonly space: string;
  readonly patch: SpacePatch;
  /** The change applies only to the space at this `rev` ('': not configured yet). `undefined`: at any. */
  readonly ifRev: string | undefined;
  /** Make the change even if it affects what is held. */
  readonly force: boolean;
}

export interface ChangedSpace extends SpaceView {
  /** What the change does to what is held, in one sentence each. */
  readonly warnings: readonly string[];
}

/** How often a change is tried again on settings that others keep changing. */
const MAX_TRIES = 8;
/** The most ms that a look at hosts may take. */
const TIME_LIMIT_MS = 5_000;

export const showSpace = async (deps: Deps, space: string): Promise<SpaceView> =>
  viewOf(deps, space, await deps.store.readSpace(space));

async function viewOf(deps: Deps, space: string, seen: Space | undefined): Promise<SpaceView> {
  const [four, six] = await allSettledOrThrow([countPools(deps, space, 4), countPools(deps, space, 6)]);
  const { settings, rev } = seen ?? { settings: {}, rev: undefined };
  return { space, config: configOf(space, seen), settings, rev, held: { 4: four, 6: six } };
}

/**
 * Changes a space for all later requests. Calls that are under way use the previous settings.
 *
 * @throws Refusal `invalid-request` for settings that make no sense, `still-held` when the change affects what is held and
 * is not forced, `space-changed` when the space is not at `ifRev`.
 */
export async function changeSpace(deps: Deps, { space, patch, ifRev, force }: SpaceChange): Promise<ChangedSpace> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const seen = await deps.store.readSpace(space);
    refuseOther(space, seen, ifRev);
    const settings = applyPatch(seen?.settings ?? {}, patch);
    const [before, after] = [configOf(space, seen), configOf(space, { settings, rev: undefined })];
    refuseContradictory(after);
    if (patch.managers !== undefined) refuseManagersOf(space);
    const harm = await harmOf(deps, space, before, after);
    if (harm.length > 0 && !force) refuseHarm(harm);
    const written = await deps.store.writeSpace(space, settings, seen);
    if (written === undefined) continue;
    const view = await viewOf(deps, space, written);
    return { ...view, warnings: [...harm, ...(await notesOn(deps, before, view))] };
  }
  throw new Refusal('busy', `space ${space} is being changed by others; try again`);
}

function refuseManagersOf(space: string): void {
  if (isGlobalSpace(space)) return;
  throw new Refusal(
    'invalid-request',
    `the managers of a swarm use space ${globalSpaceOf(space)}, not ${space}; use berth space set ${globalSpaceOf(space)} --managers HOSTS`,
  );
}

function refuseOther(space: string, seen: Space | undefined, ifRev: string | undefined): void {
  if (ifRev === undefined || ifRev === (seen?.rev ?? '')) return;
  throw new Refusal(
    'space-changed',
    `space ${space} has changed and is now at rev ${seen?.rev ?? 'none'}; look at it again (berth space show ${space}) and decide again`,
  );
}

function refuseHarm(harm: readonly string[]): never {
  throw new Refusal('still-held', `${harm.join('; ')}; to change it all the same, use --force`);
}

/** Consequences of a change for what is held that the operator may not want. */
async function harmOf(deps: Deps, space: string, before: SpaceConfig, after: SpaceConfig): Promise<string[]> {
  return [...(await newlyExcluded(deps, space, before, after)), ...(await newlyForgotten(deps, space, before, after))];
}

/** A prefix within one that was excluded before excludes nothing new. Reports the first new prefix that overlaps a pool. */
async function newlyExcluded(
  deps: Deps,
  space: string,
  before: SpaceConfig,
  after: SpaceConfig,
): Promise<readonly string[]> {
  const fresh = after.excluded.filter((cidr) => !before.excluded.some((elder) => contains(elder, cidr)));
  for (const cidr of fresh) {
    const pools = await poolsOverlapping(deps, space, cidr);
    if (pools !== '') return [`the excluded ${formatCidr(cidr)} is partly in use, and what is used stays: ${pools}`];
  }
  return [];
}

async function newlyForgotten(
  deps: Deps,
  space: string,
  before: SpaceConfig,
  after: SpaceConfig,
): Promise<readonly string[]> {
  if (after.forgetAfter >= before.forgetAfter) return [];
  const hosts = await hostsForgotten(deps, space, after.forgetAfter, deps.world.now() + TIME_LIMIT_MS);
  if (hosts === '') return [];
  const time = durationText(after.forgetAfter);
  return [`the next sweep frees all that is held by hosts fenced for ${time} (forget-after): ${hosts}`];
}

/** What else an operator should know about a change that was made. */
async function notesOn(deps: Deps, before: SpaceConfig, { space, config, held }: SpaceView): Promise<string[]> {
  const notes: string[] = [];
  const withdrawn = before.ranges.filter((range) => !config.ranges.some((left) => sameCidr(range, left)));
  const leftOut = await poolsLeftOut(deps, space, withdrawn, config.ranges);
  if (leftOut !== '') notes.push(`pools outside the ranges stay until their networks are removed: ${leftOut}`);
  for (const family of familiesWithoutRoom(config)) {
    notes.push(`the exclusions leave no room in the ranges for an automatic IPv${family} pool`);
  }
  for (const family of [4, 6] as const) {
    const { count } = held[family];
    if (config.maxPools === before.maxPools || count <= (config.maxPools ?? Infinity)) continue;
    notes.push(`the space holds ${count} IPv${family} pools, more than max-pools: they stay, but no more are created`);
  }
  return [...notes, ...notesOnTerms(before, config, held[4].count + held[6].count > 0)];
}

function notesOnTerms(before: SpaceConfig, after: SpaceConfig, isHeld: boolean): string[] {
  const notes: string[] = [];
  if ((after.maxNetworksPerHost ?? Infinity) < (before.maxNetworksPerHost ?? Infinity) && isHeld) {
    notes.push('hosts with more networks than max-networks-per-host keep them, but get no more');
  }
  if (after.cooldown !== before.cooldown && isHeld) {
    notes.push('existing pools keep the cool-down that they were created with');
  }
  if (after.forgetAfter !== before.forgetAfter && after.forgetAfter < LEASE_MS) {
    const lease = leaseFor(after.forgetAfter);
    notes.push(
      `a host that is cut off from the functions loses its networks ${durationText(lease + after.forgetAfter)} after its last ` +
        'heartbeat, even if its containers still run, and others may get their addresses',
    );
  }
  return notes;
}
