/**
 * The key of a request: a number that only grows on its host, in base 36, and a random tail. It names a call on each of its
 * attempts, and orders the calls of one host.
 */

/** Width of the number: milliseconds, enough until the year 5188. Fixed, so that text order is time order. */
export const SEQUENCE_WIDTH = 9;
/** Random characters after it, which a disk that was set back cannot repeat. */
export const NONCE_WIDTH = 4;
export const REQUEST_KEY_WIDTH = SEQUENCE_WIDTH + NONCE_WIDTH;

/** The host's monotone number of a call: orders two messages of one host, whatever the clocks say. */
export const sequenceOf = (requestKey: string): string => requestKey.slice(0, SEQUENCE_WIDTH);

export const isRequestKey = (text: string): boolean => text.length === REQUEST_KEY_WIDTH && /^[0-9a-z]+$/.test(text);
