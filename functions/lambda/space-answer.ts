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

/** On the wire the name of a setting starts with a capital letter. */
const wireName = (setting: string): string => setting.charAt(0).toUpperCase() + setting.slice(1);

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
  const Set = Object.entries(set).flatMap(([name, value]) => (value === undefined ? [] : [wireName(name)]));
  const Held = { Pools4: held[4].count, Pools6: held[6].count, IsAll: held[4].isAll && held[6].isAll };
  return { Space, Rev: rev ?? '', Settings, Set, Held };
}
