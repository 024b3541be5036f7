/** The answers to viewers, on the wire. Each field is named: what is not named here is not shown. */
import { type Range, formatAddress, formatCidr } from '../../protocol/address.ts';
import type {
  AddressUse,
  FreeRange,
  Holder,
  HostLine,
  PoolUse,
  SpaceLine,
  UsageLine,
} from '../../protocol/viewer-messages.ts';
import { type Host, isInLease } from '../ipam/host.ts';
import type { Ref } from '../ipam/ref.ts';
import type { HourNote, SpaceNote } from '../ipam/notes.ts';
import type { SpaceUse } from '../ipam/sweep-cursor.ts';
import type { AddressState } from '../ipam/views/addresses.ts';
import type { SubnetRun } from '../ipam/views/free-subnets.ts';
import { reservesOf, sizeOf, timeOfKey } from '../ipam/views/pool-view.ts';
import type { CountedPool } from '../ipam/views/pools.ts';
import { isoTime } from '../ipam/world.ts';

const spaceUse = ({ pools4, pools6, size4, held4, held6 }: SpaceUse) => ({
  Pools4: pools4,
  Pools6: pools6,
  Size4: size4,
  Held4: held4,
  Held6: held6,
});

export const spaceLine = ({ space, at, ...use }: SpaceNote): SpaceLine => ({
  Space: space,
  At: at === undefined ? null : isoTime(at),
  ...spaceUse(use),
});

export const usageLine = ({ at, ...use }: HourNote): UsageLine => ({ At: isoTime(at), ...spaceUse(use) });

export const poolUse = ({ pool, count }: CountedPool): PoolUse => ({
  Space: pool.space,
  Pool: formatCidr(pool.cidr),
  State: pool.state,
  CreatedBy: pool.createdBy,
  CreatedAt: isoTime(pool.announcedAt),
  Gateway: pool.gateway === undefined ? null : formatAddress(pool.gateway),
  Exclusive: pool.exclusive,
  Cooldown: pool.cooldown,
  Size: String(sizeOf(pool.cidr)),
  Leased: count.leased,
  Reserved: count.reserved,
  Resting: count.resting,
  IsAll: count.isAll,
});

export const holder = (ref: Ref): Holder => ({
  Host: ref.hostId,
  State: ref.state,
  Since: isoTime(timeOfKey(ref.requestKey)),
  SubPool: ref.subPool === undefined ? null : formatCidr(ref.subPool),
  Reserves: reservesOf(ref),
});

export const addressUse = ({ address, state, host, mac, endpoint, since }: AddressState): AddressUse => ({
  Address: formatAddress(address),
  State: state,
  Host: host,
  Mac: mac,
  Endpoint: endpoint,
  Since: since === undefined ? null : isoTime(since),
});

export const freeRange = ({ family, first, last }: Range): FreeRange => ({
  First: formatAddress({ family, value: first }),
  Last: formatAddress({ family, value: last }),
  Count: String(last - first + 1n),
});

export const freeRun = ({ first, last, count }: SubnetRun): FreeRange => ({
  First: formatCidr(first),
  Last: formatCidr(last),
  Count: String(count),
});

export const hostLine = (host: Host, now: number): HostLine => ({
  Host: host.id,
  State: host.state,
  Why: host.why,
  LastSeen: isoTime(host.lastSeen),
  SilentSeconds: Math.max(0, Math.round((now - host.lastSeen) / 1_000)),
  InLease: isInLease(host, now),
  ShimVersion: host.shimVersion,
  EngineVersion: host.engineVersion,
});
