/**
 * What viewers ask, and the answers. A viewer may see everything that helps to run the fleet, and nothing that helps to be a host:
 * answers hold no nonce, no key, no PoolID. Times are ISO 8601.
 */
import * as v from 'valibot';
import { hostId, required, spaceName } from './fields.ts';
import { hostAnswer } from './operator-messages.ts';
import { HOST_STATES } from './states.ts';

/** What an operator's command reads in the answer to a handshake: the URL of the viewer. Functions of v0.1 have none. */
export const viewerAnswer = v.object({ Functions: v.object({ Viewer: v.optional(v.string()) }) });
export type ViewerAnswer = v.InferInput<typeof viewerAnswer>;

/** Where a list goes on: what the answer before gave as `Next`. */
const after = v.nullish(v.pipe(v.string(), v.maxLength(256)));
/** Where the list goes on. `null`: it has ended. */
const next = v.nullable(v.string());

/** What a space holds. */
const spaceUse = {
  Pools4: v.number(),
  Pools6: v.number(),
  /** Addresses of its IPv4 pools that networks and endpoints can have, and those that they have. */
  Size4: v.number(),
  Held4: v.number(),
  Held6: v.number(),
};

export const viewSpacesMessage = v.object({ After: after });
export type ViewSpacesMessage = v.InferInput<typeof viewSpacesMessage>;

/** `At`: when it was counted. `null`: it is configured, and has not been counted yet. */
const spaceLine = v.object({ Space: v.string(), At: v.nullable(v.string()), ...spaceUse });
export type SpaceLine = v.InferInput<typeof spaceLine>;

export const viewSpacesAnswer = v.object({ Spaces: v.array(spaceLine), Next: next });
export type ViewSpacesAnswer = v.InferInput<typeof viewSpacesAnswer>;

export const viewUsageMessage = v.object({ Space: spaceName });
export type ViewUsageMessage = v.InferInput<typeof viewUsageMessage>;

const usageLine = v.object({ At: v.string(), ...spaceUse });
export type UsageLine = v.InferInput<typeof usageLine>;

/** From the oldest hour to the newest. */
export const viewUsageAnswer = v.object({ Usage: v.array(usageLine) });
export type ViewUsageAnswer = v.InferInput<typeof viewUsageAnswer>;

export const viewPoolsMessage = v.object({ Space: spaceName, After: after });
export type ViewPoolsMessage = v.InferInput<typeof viewPoolsMessage>;

/** A pool and how full it is. */
const poolUse = v.object({
  Space: v.string(),
  Pool: v.string(),
  State: v.string(),
  CreatedBy: v.string(),
  CreatedAt: v.string(),
  Gateway: v.nullable(v.string()),
  Exclusive: v.boolean(),
  /** ms that a freed address rests. */
  Cooldown: v.number(),
  /** Addresses that networks and endpoints can have, as a decimal number: an IPv6 pool has more than a number holds exactly. */
  Size: v.string(),
  Leased: v.number(),
  Reserved: v.number(),
  /** Freed, and not given to another endpoint yet. */
  Resting: v.number(),
  /** All of the pool was counted. A large pool is counted where its networks' addresses lie. */
  IsAll: v.boolean(),
});
export type PoolUse = v.InferInput<typeof poolUse>;

export const viewPoolsAnswer = v.object({ Pools: v.array(poolUse), Next: next });
export type ViewPoolsAnswer = v.InferInput<typeof viewPoolsAnswer>;

/** A network of a host that uses a pool. */
const holder = v.object({
  Host: v.string(),
  State: v.string(),
  /** When its host asked for it, by that host's clock. */
  Since: v.string(),
  SubPool: v.nullable(v.string()),
  /** What it keeps from endpoints: its gateway and auxiliary addresses, as ranges. */
  Reserves: v.array(v.string()),
});
export type Holder = v.InferInput<typeof holder>;

export const viewPoolMessage = v.object({ Space: spaceName, Pool: required, After: after });
export type ViewPoolMessage = v.InferInput<typeof viewPoolMessage>;

export const viewPoolAnswer = v.variant('Outcome', [
  v.object({ Outcome: v.literal('unknown') }),
  v.object({ Outcome: v.literal('done'), ...poolUse.entries, Holders: v.array(holder), Next: next }),
]);
export type ViewPoolAnswer = v.InferInput<typeof viewPoolAnswer>;

/** An address that is not simply free. */
const addressUse = v.object({
  Address: v.string(),
  /** `resting`: it was freed, and its cool-down is not over. */
  State: v.picklist(['leased', 'reserved', 'resting', 'free']),
  /** '': nobody, or a host that the table no longer knows. */
  Host: v.string(),
  /** '': unknown. */
  Mac: v.string(),
  /** The name of the endpoint, cut to what fits. '': unknown. */
  Endpoint: v.string(),
  /** Since when it is so. `null`: unknown. */
  Since: v.nullable(v.string()),
});
export type AddressUse = v.InferInput<typeof addressUse>;

export const viewAddressesMessage = v.object({ Space: spaceName, Pool: required, After: after });
export type ViewAddressesMessage = v.InferInput<typeof viewAddressesMessage>;

export const viewAddressesAnswer = v.variant('Outcome', [
  v.object({ Outcome: v.literal('unknown') }),
  v.object({
    Outcome: v.literal('done'),
    Addresses: v.array(addressUse),
    /** `false`: addresses that users chose in a large pool may be missing. */
    IsAll: v.boolean(),
    Next: next,
  }),
]);
export type ViewAddressesAnswer = v.InferInput<typeof viewAddressesAnswer>;

export const viewAddressMessage = v.object({ Space: spaceName, Address: required });
export type ViewAddressMessage = v.InferInput<typeof viewAddressMessage>;

/** `unknown`: no pool of the space holds the address. */
export const viewAddressAnswer = v.variant('Outcome', [
  v.object({ Outcome: v.literal('unknown') }),
  v.object({ Outcome: v.literal('done'), ...addressUse.entries, Pool: v.string(), PoolState: v.string() }),
]);
export type ViewAddressAnswer = v.InferInput<typeof viewAddressAnswer>;

export const viewFindMessage = v.object({
  Space: spaceName,
  /** A MAC address, the name of an endpoint or the id of a host. */
  Text: v.pipe(v.string(), v.nonEmpty('must not be empty'), v.maxLength(128)),
  After: after,
});
export type ViewFindMessage = v.InferInput<typeof viewFindMessage>;

const foundAddress = v.object({ ...addressUse.entries, Pool: v.string() });
export type FoundAddress = v.InferInput<typeof foundAddress>;

export const viewFindAnswer = v.object({
  Found: v.array(foundAddress),
  /** Pools that were read to their end. */
  Pools: v.number(),
  /** `false`: in a large pool, addresses that users chose were not read. */
  IsAll: v.boolean(),
  Next: next,
});
export type ViewFindAnswer = v.InferInput<typeof viewFindAnswer>;

export const viewFreeMessage = v.object({ Space: spaceName, Pool: required, After: after });
export type ViewFreeMessage = v.InferInput<typeof viewFreeMessage>;

/** Neighbours that are free, from the first to the last. */
const freeRange = v.object({ First: v.string(), Last: v.string(), Count: v.string() });
export type FreeRange = v.InferInput<typeof freeRange>;

/** `large`: the pool is too large for a list of its free addresses. Numbers are decimal: IPv6 has more than a number holds. */
export const viewFreeAnswer = v.variant('Outcome', [
  v.object({ Outcome: v.literal('unknown') }),
  v.object({ Outcome: v.literal('large'), Size: v.string() }),
  v.object({ Outcome: v.literal('done'), Size: v.string(), Ranges: v.array(freeRange), Next: next }),
]);
export type ViewFreeAnswer = v.InferInput<typeof viewFreeAnswer>;

const prefixLength = (most: number) => v.nullish(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(most)));

/** `Size`: a prefix length; without one, that of automatic pools. */
export const viewFreeSubnetsMessage = v.variant('Family', [
  v.object({ Space: spaceName, Family: v.literal(4), Size: prefixLength(32), After: after }),
  v.object({ Space: spaceName, Family: v.literal(6), Size: prefixLength(128), After: after }),
]);
export type ViewFreeSubnetsMessage = v.InferInput<typeof viewFreeSubnetsMessage>;

export const viewFreeSubnetsAnswer = v.object({ Size: v.number(), Ranges: v.array(freeRange), Next: next });
export type ViewFreeSubnetsAnswer = v.InferInput<typeof viewFreeSubnetsAnswer>;

export const viewHostsMessage = v.object({ State: v.nullish(v.picklist(HOST_STATES)), After: after });
export type ViewHostsMessage = v.InferInput<typeof viewHostsMessage>;

const hostLine = v.object({
  Host: v.string(),
  State: v.string(),
  /** Why it is not live. */
  Why: v.string(),
  LastSeen: v.string(),
  SilentSeconds: v.number(),
  InLease: v.boolean(),
  ShimVersion: v.string(),
  EngineVersion: v.string(),
});
export type HostLine = v.InferInput<typeof hostLine>;

export const viewHostsAnswer = v.object({ Hosts: v.array(hostLine), Next: next });
export type ViewHostsAnswer = v.InferInput<typeof viewHostsAnswer>;

export const viewHostMessage = v.object({ Host: hostId });
export const viewHostAnswer = hostAnswer;
