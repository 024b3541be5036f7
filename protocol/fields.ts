/** The parts that several messages have in common. */
import * as v from 'valibot';
import { type Address, parseAddress } from './address.ts';
import { isHostId, isLocalSpaceName, isSpaceName } from './ids.ts';
import { MAX_ADDRESSES } from './limits.ts';
import { DRIVERS } from './methods.ts';
import { isRequestKey } from './request-key.ts';
import { NETWORK_STATES } from './states.ts';

/** Longer than any text that Docker sends; a longer one is an error or an attack. */
export const text = v.pipe(v.string(), v.maxLength(2_048));
/** Docker sends an empty string for "not given". */
export const optionalText = v.optional(text, '');
/** An address space, a pool or an address that a message cannot do without. */
export const required = v.pipe(text, v.nonEmpty('must not be empty'));

export const requestKey = v.pipe(v.string(), v.check(isRequestKey, 'not a request key'));
export const hostId = v.pipe(v.string(), v.check(isHostId, 'not a host id'));
export const driver = v.picklist(DRIVERS);

export const spaceName = v.pipe(v.string(), v.check(isSpaceName, 'not a space name'));
/** A space that users may choose. */
export const localSpaceName = v.pipe(v.string(), v.check(isLocalSpaceName, 'not the name of a space'));

/** An address as text. */
export const address = v.pipe(
  text,
  v.rawTransform(({ dataset, addIssue, NEVER }): Address => {
    const parsed = parseAddress(dataset.value);
    if (parsed !== undefined) return parsed;
    addIssue({ message: 'not an address' });
    return NEVER;
  }),
);
/** More than one answer contains. */
export const addresses = v.pipe(v.array(address), v.maxLength(MAX_ADDRESSES));

export const networkState = v.picklist(NETWORK_STATES);
