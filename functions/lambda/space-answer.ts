/** An operator's change of a space, and the answers about one: from the wire and to it. */
import { formatCidr } from '../../protocol/address.ts';
import { isGlobalSpace } from '../../protocol/ids.ts';
import type { SetSpaceMessage, SpaceAnswer } from '../../protocol/operator-messages.ts';
import type { SpaceView } from '../ipam/spaces/change.ts';
import type { SpacePatch } from '../ipam/spaces/settings.ts';

export const patchOf = (set: SetSpaceMessage['Set']): SpacePatch => ({
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
});

export function spaceView({ space: Space, config, settings: set, rev, held }: SpaceView): SpaceAnswer {
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
    ...(isGlobalSpace(Space) && { Managers: config.managers === undefined ? null : [...config.managers] }),
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
