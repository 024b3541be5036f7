/**
 * What travels on the wire: Docker's messages, and the headers that a host adds to them. Everything that comes in is
 * parsed here; inside, there are typed values only.
 */
import * as v from 'valibot';
import { type Range, cidrRange, parseAddress, parseCidr } from '../ipam/address.ts';
import { isRequestKey } from '../ipam/call.ts';
import { DEFAULT_SPACE_NAME, isSpaceName } from '../ipam/space.ts';

/** Longer texts than any that Docker sends; what is longer is an error or an attack. */
const text = v.pipe(v.string(), v.maxLength(2_048));
/** Docker says "not given" by an empty string. */
const optionalText = v.optional(text, '');
/** Go sends a nil map as `null`. */
const options = v.pipe(
  v.nullish(v.record(v.pipe(v.string(), v.maxLength(256)), text), {}),
  v.check((map) => Object.keys(map).length <= 64, 'more than 64 options'),
);
/** An address space or a pool is never absent: a body without one was cut off, or never came from Docker. */
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

/** A header as a number. */
const integer = (least: number, most: number) =>
  v.pipe(v.string(), v.regex(/^\d{1,9}$/), v.transform(Number), v.minValue(least), v.maxValue(most));

export const driver = v.picklist(['berth', 'berth-ipvlan']);

/** What the shim says of the host and of the call. */
export const callHeaders = v.object({
  'berth-host': v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/, 'not a host id')),
  'berth-epoch': integer(1, 999_999_999),
  'berth-driver': driver,
  'berth-request': v.pipe(v.string(), v.check(isRequestKey, 'not a request key')),
  'berth-attempt': integer(1, 1_000),
  'berth-remaining-ms': integer(1, 900_000),
});

/** Comma separated; what cannot be read is passed over, for it only helps to choose well. */
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

export const handshakeHeaders = v.object({
  'berth-driver': driver,
  'berth-space': v.optional(v.pipe(v.string(), v.check(isSpaceName, 'not a space name')), DEFAULT_SPACE_NAME),
});
