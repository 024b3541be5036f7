/**
 * Docker's messages to an IPAM driver, and the answers (moby, daemon/libnetwork/ipams/remote/api). The shim passes them on
 * unchanged and reads in them only what it must know; the functions read the whole.
 */
import * as v from 'valibot';
import { optionalText, required, text } from './fields.ts';

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

/** A body without an address space or a pool was cut off, or did not come from Docker. */
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

/** Docker takes no options back from a driver of ours. */
const data = v.optional(v.unknown());

export const requestPoolAnswer = v.object({
  PoolID: v.pipe(v.string(), v.nonEmpty()),
  Pool: v.pipe(v.string(), v.includes('/')),
  Data: data,
});
export type RequestPoolAnswer = v.InferInput<typeof requestPoolAnswer>;

export const requestAddressAnswer = v.object({
  Address: v.pipe(v.string(), v.regex(/^[0-9A-Fa-f.:]+\/\d+$/)),
  Data: data,
});
export type RequestAddressAnswer = v.InferInput<typeof requestAddressAnswer>;

const readable = v.fallback(v.optional(v.string(), ''), '');

/** What any call is about, as far as it can be read. */
export const callSubject = v.object({ PoolID: readable, Address: readable, Pool: readable });

/** Docker's "GetCapabilities" and "GetDefaultAddressSpaces". */
export const capabilitiesAnswer = v.object({ RequiresMACAddress: v.boolean(), RequiresRequestReplay: v.boolean() });

export const addressSpacesAnswer = v.object({
  LocalDefaultAddressSpace: v.string(),
  GlobalDefaultAddressSpace: v.string(),
});
