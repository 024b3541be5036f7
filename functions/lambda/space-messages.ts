/** What operators ask about a space, and the answers, on the wire. Times are milliseconds. */
import * as v from 'valibot';
import { isGlobalSpace, isSpaceName } from '../../protocol/ids.ts';
import { formatCidr } from '../ipam/address.ts';
import type { SpaceView } from '../ipam/spaces/change.ts';
import type { SpacePatch } from '../ipam/spaces/settings.ts';

const space = v.pipe(v.string(), v.check(isSpaceName, 'not a space name'));

export const spaceMessage = v.object({ Space: space });

/** A value, `null` for the default, or nothing, which leaves it as it is. The rules say what a value may be. */
const number = v.optional(v.nullable(v.number()));
const prefixes = v.optional(v.nullable(v.pipe(v.array(v.pipe(v.string(), v.maxLength(64))), v.maxLength(1_000))));

/** An unknown setting is refused, not ignored: its operator would believe that it is set. */
const settings = v.strictObject({
  Ranges: prefixes,
  Size4: number,
  Size6: number,
  Excluded: prefixes,
  Cooldown: number,
  ForgetAfter: number,
  MaxPools: number,
  MaxNetworksPerHost: number,
  Widest4: number,
  Widest6: number,
  GivenOutside: v.optional(v.nullable(v.boolean())),
  MaxHostsPerPrincipal: number,
  Managers: v.optional(v.nullable(v.pipe(v.array(v.pipe(v.string(), v.maxLength(128))), v.maxLength(1_000)))),
});

export const setSpaceMessage = v.object({
  Space: space,
  Set: v.pipe(
    settings,
    v.transform((set): SpacePatch => ({
      ranges: set.Ranges,
      size4: set.Size4,
      size6: set.Size6,
      excluded: set.Excluded,
      cooldown: set.Cooldown,
      forgetAfter: set.ForgetAfter,
      maxPools: set.MaxPools,
      maxNetworksPerHost: set.MaxNetworksPerHost,
      widest4: set.Widest4,
      widest6: set.Widest6,
      givenOutside: set.GivenOutside,
      maxHostsPerPrincipal: set.MaxHostsPerPrincipal,
      managers: set.Managers,
    })),
  ),
  /** The change applies only to the space at this `Rev` ('': never set), so that a copy of the message does nothing. */
  IfRev: v.pipe(v.string(), v.maxLength(64)),
  Force: v.optional(v.boolean(), false),
});

/** `Set` names the settings that an operator has set. */
export function spaceAnswer({ space: Space, config, settings: set, rev, held }: SpaceView) {
  const Settings = {
    Ranges: config.ranges.map(formatCidr),
    Size4: config.size[4],
    Size6: config.size[6],
    Excluded: config.excluded.map(formatCidr),
    Cooldown: config.cooldown,
    ForgetAfter: config.forgetAfter,
    MaxPools: config.maxPools ?? null,
    MaxNetworksPerHost: config.maxNetworksPerHost ?? null,
    Widest4: config.widest[4],
    Widest6: config.widest[6],
    GivenOutside: config.givenOutside,
    MaxHostsPerPrincipal: config.maxHostsPerPrincipal ?? null,
    ...(isGlobalSpace(Space) && { Managers: config.managers ?? null }),
  };
  const isSet: Record<keyof typeof Settings | 'Managers', boolean> = {
    Ranges: set.ranges !== undefined,
    Size4: set.size4 !== undefined,
    Size6: set.size6 !== undefined,
    Excluded: set.excluded !== undefined,
    Cooldown: set.cooldown !== undefined,
    ForgetAfter: set.forgetAfter !== undefined,
    MaxPools: set.maxPools !== undefined,
    MaxNetworksPerHost: set.maxNetworksPerHost !== undefined,
    Widest4: set.widest4 !== undefined,
    Widest6: set.widest6 !== undefined,
    GivenOutside: set.givenOutside !== undefined,
    MaxHostsPerPrincipal: set.maxHostsPerPrincipal !== undefined,
    Managers: set.managers !== undefined,
  };
  const Set = Object.entries(isSet).flatMap(([name, is]) => (is ? [name] : []));
  const Held = { Pools4: held[4].count, Pools6: held[6].count, IsAll: held[4].isAll && held[6].isAll };
  return { Space, Rev: rev ?? '', Settings, Set, Held };
}
