/** The headers that a shim adds to each call. */
import * as v from 'valibot';
import { driver, hostId, localSpaceName, requestKey } from './fields.ts';

/** A whole number, as text. */
const integer = (least: number, most: number) =>
  v.pipe(v.string(), v.regex(/^\d{1,9}$/), v.transform(Number), v.minValue(least), v.maxValue(most));

export const MAX_ATTEMPT = 1_000;

/** The host and the call. */
export const callHeaders = v.object({
  'berth-host': hostId,
  'berth-epoch': integer(1, 999_999_999),
  'berth-driver': driver,
  'berth-request': requestKey,
  'berth-attempt': integer(1, MAX_ATTEMPT),
  /** ms until the shim no longer waits for the answer. */
  'berth-remaining-ms': integer(1, 900_000),
});

export type CallHeaders = v.InferInput<typeof callHeaders>;

const list = v.optional(v.string(), '');

/** The host's network, for the choice of an automatic pool: lists with commas between the values. */
export const networkHeaders = v.object({
  /** Prefixes. */
  'berth-routes': list,
  'berth-nameservers': list,
  /** The host's own addresses. */
  'berth-addresses': list,
});

export type NetworkHeaders = v.InferInput<typeof networkHeaders>;

/** For the handshake. */
export const handshakeHeaders = v.object({ 'berth-driver': driver, 'berth-space': v.optional(localSpaceName) });
export type HandshakeHeaders = v.InferInput<typeof handshakeHeaders>;
