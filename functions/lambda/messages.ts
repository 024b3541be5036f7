/**
 * What travels on the wire: Docker's messages, and the headers that a host adds to them. Everything that comes in is
 * parsed here; inside, there are typed values only.
 */
import * as v from 'valibot';
import { MAC_ADDRESS, isHostId, isLocalSpaceName } from '../../protocol/ids.ts';
import { MAX_ADDRESSES, MAX_ENDPOINTS } from '../../protocol/limits.ts';
import { DRIVERS } from '../../protocol/methods.ts';
import { isRequestKey } from '../../protocol/request-key.ts';
import { type Address, type Range, cidrRange, parseAddress, parseCidr } from '../ipam/address.ts';
import type { MachinePrint } from '../ipam/machine.ts';
import { isGeneration } from '../ipam/pool.ts';
import { isRefName } from '../ipam/ref.ts';
import { DEFAULT_SPACE_NAME } from '../ipam/space.ts';

/** Longer than any text that Docker sends; a longer one is an error or an attack. */
const text = v.pipe(v.string(), v.maxLength(2_048));
/** Docker sends an empty string for "not given". */
const optionalText = v.optional(text, '');
/** In JavaScript an array is an object, too. */
const map = v.pipe(
  v.unknown(),
  v.check((value) => !Array.isArray(value), 'Invalid type: Expected Object but received Array'),
  v.record(v.pipe(v.string(), v.maxLength(256)), text),
);
/** Go sends a nil map as `null`. */
const options = v.pipe(
  v.nullish(map, {}),
  v.check((map) => Object.keys(map).length <= 64, 'more than 64 options'),
);
/** An address space or a pool is always given: a body without one was cut off, or did not come from Docker. */
const required = v.pipe(text, v.nonEmpty('must not be empty'));

export const requestPoolMessage = v.object({
  AddressSpace: required,
  Pool: optionalText,
  SubPool: optionalText,
  Options: options,
  V6: v.optional(v.boolean(), false),
});

export const releasePoolMessage = v.object({ PoolID: required });

export const requestAddressMessage = v.object({ PoolID: required, Address: optionalText, Options: options });

export const releaseAddressMessage = v.object({ PoolID: required, Address: required });

const requestKey = v.pipe(v.string(), v.check(isRequestKey, 'not a request key'));

/** The PoolID or the address that dockerd was given, if any. */
const keep = v.nullish(required);

/**
 * A call to be undone. A pool is found by the key of its request. A malformed request for an address was refused at the
 * time and has left nothing (`null`).
 */
export const settleMessage = v.variant('Method', [
  v.object({ Method: v.literal('RequestPool'), RequestKey: requestKey, Keep: keep }),
  v.object({
    Method: v.literal('RequestAddress'),
    RequestKey: requestKey,
    Keep: keep,
    Request: v.pipe(v.unknown(), v.transform(parseAddressRequest)),
  }),
]);

function parseAddressRequest(request: unknown): v.InferOutput<typeof requestAddressMessage> | null {
  const parsed = v.safeParse(requestAddressMessage, request);
  return parsed.success ? parsed.output : null;
}

/** What a host stores to show that it is still the same host. */
const incarnation = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{8,64}$/, 'not an incarnation'));
const version = v.pipe(v.string(), v.maxLength(64), v.regex(/^[\x20-\x7e]*$/, 'not a version'));

/** A hash of what identifies a machine. */
const print = v.pipe(v.string(), v.regex(/^[0-9a-f]{16,64}$/, 'not a hash'));
const machine = v.pipe(
  v.object({
    Given: v.optional(print),
    Instance: v.optional(print),
    Product: v.optional(print),
    Macs: v.optional(v.pipe(v.array(print), v.maxLength(8))),
  }),
  v.transform(({ Given, Instance, Product, Macs }): MachinePrint => ({
    ...(Given !== undefined && { given: Given }),
    ...(Instance !== undefined && { instance: Instance }),
    ...(Product !== undefined && { product: Product }),
    ...(Macs !== undefined && { macs: Macs }),
  })),
);

export const registerMessage = v.object({
  Incarnation: v.nullish(incarnation),
  Proposed: incarnation,
  ShimVersion: v.pipe(version, v.nonEmpty('must not be empty')),
  EngineVersion: v.nullish(version, ''),
  /** The machine that the shim runs on; an older shim does not send it. */
  Machine: v.nullish(machine),
  /** The space of its networks, unless they name another. */
  Space: v.nullish(v.pipe(v.string(), v.check(isLocalSpaceName, 'not the name of a space'))),
});

/** An address as text. */
const address = v.pipe(
  text,
  v.rawTransform(({ dataset, addIssue, NEVER }): Address => {
    const parsed = parseAddress(dataset.value);
    if (parsed !== undefined) return parsed;
    addIssue({ message: 'not an address' });
    return NEVER;
  }),
);
/** More than one answer contains. */
const addresses = v.pipe(v.array(address), v.maxLength(MAX_ADDRESSES));

/** Where a list continues: what the previous answer returned, unchanged. */
const indexPlace = v.object({
  generation: v.pipe(v.string(), v.check(isGeneration, 'not a generation')),
  name: v.pipe(v.string(), v.check(isRefName, 'not a name')),
  requestKey,
});
export const networksMessage = v.object({ After: v.nullable(indexPlace) });

const chunkNumber = v.pipe(
  v.string(),
  v.regex(/^\d{1,12}$/, 'not a chunk'),
  v.transform((number) => BigInt(number)),
);
export const holdingsMessage = v.object({
  PoolID: required,
  Addresses: v.optional(addresses, []),
  After: v.optional(v.nullable(chunkNumber), null),
});

const endpoint = v.object({
  Address: address,
  MacAddress: v.optional(v.union([v.literal(''), v.pipe(v.string(), v.regex(MAC_ADDRESS))]), ''),
  Name: optionalText,
});
/** A bounded number of endpoints: each is a write. */
export const reviveMessage = v.object({
  PoolID: required,
  Gateway: v.nullish(address),
  Reserved: v.optional(addresses, []),
  Held: v.pipe(v.array(endpoint), v.maxLength(MAX_ENDPOINTS)),
  Last: v.boolean(),
});

const hostId = v.pipe(v.string(), v.check(isHostId, 'not a host id'));

/** What an operator declares about a host. */
export const hostStateMessage = v.object({
  Host: hostId,
  /** `former-dead`: the machine that was this host before the present one is dead. */
  State: v.picklist(['dead', 'draining', 'live', 'adopted', 'former-dead']),
  /** Unique to this message. */
  Key: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{8,64}$/, 'not a key')),
  Why: v.optional(v.pipe(v.string(), v.maxLength(256), v.regex(/^[^\p{Cc}]*$/u, 'control characters')), ''),
  /** The operator knows that its lease still runs, and declares it dead all the same. */
  OverrideLease: v.optional(v.boolean(), false),
  /** The principal that is to be the host, if it is adopted. */
  Principal: v.optional(v.pipe(v.string(), v.maxLength(512))),
});

export type HostStateMessage = v.InferOutput<typeof hostStateMessage>;

/** What an operator asks about a host. */
export const hostMessage = v.object({ Host: hostId });

/** A header as a number. */
const integer = (least: number, most: number) =>
  v.pipe(v.string(), v.regex(/^\d{1,9}$/), v.transform(Number), v.minValue(least), v.maxValue(most));

export const driver = v.picklist(DRIVERS);

/** What the shim says about the host and the call. */
export const callHeaders = v.object({
  'berth-host': hostId,
  'berth-epoch': integer(1, 999_999_999),
  'berth-driver': driver,
  'berth-request': requestKey,
  'berth-attempt': integer(1, 1_000),
  'berth-remaining-ms': integer(1, 900_000),
});

/** Comma separated. What cannot be read is ignored, since the list only helps to choose well. */
const list = <T>(parse: (part: string) => T | undefined) =>
  v.pipe(
    v.optional(v.string(), ''),
    v.transform((value): T[] =>
      value.split(',').flatMap((part) => {
        const parsed = parse(part.trim());
        return parsed === undefined ? [] : [parsed];
      }),
    ),
  );

function parseRoute(part: string): Range | undefined {
  const cidr = parseCidr(part);
  return cidr && cidrRange(cidr);
}

function parseNameserver(part: string): Range | undefined {
  const address = parseAddress(part);
  return address && { family: address.family, first: address.value, last: address.value };
}

/** What an automatic pool must stay clear of on this host. */
export const avoidHeaders = v.pipe(
  v.object({ 'berth-routes': list(parseRoute), 'berth-nameservers': list(parseNameserver) }),
  v.transform((headers) => [...headers['berth-routes'], ...headers['berth-nameservers']]),
);

/** The host's own addresses. */
export const addressHeaders = v.pipe(
  v.object({ 'berth-addresses': list(parseAddress) }),
  v.transform((headers) => headers['berth-addresses']),
);

export const handshakeHeaders = v.object({
  'berth-driver': driver,
  'berth-space': v.optional(
    v.pipe(v.string(), v.check(isLocalSpaceName, 'not the name of a space')),
    DEFAULT_SPACE_NAME,
  ),
});
