/**
 * One call of dockerd, with what its host adds to it: who asks, in which order, under which key, and for how long an
 * answer is still of use.
 */

export type Driver = 'berth' | 'berth-ipvlan';

/** Width of a sequence: base 36 milliseconds, enough until the year 5188. Fixed, so that text order is time order. */
export const SEQUENCE_WIDTH = 9;
const NONCE_WIDTH = 4;
/** A request key: a sequence and a fresh random tail. */
export const REQUEST_KEY_WIDTH = SEQUENCE_WIDTH + NONCE_WIDTH;

export interface Call {
  readonly hostId: string;
  /** Raised by a fence: what an earlier epoch held can claim nothing any more. */
  readonly epoch: number;
  /** What is of an earlier epoch is not this machine's, but of one that was this host before. `undefined`, 0: nothing is. */
  readonly ownEpoch?: number;
  readonly driver: Driver;
  /** Identifies the call on each of its attempts: a repeat carries the same one. */
  readonly requestKey: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** When the host gives up, in ms since the epoch by this function's clock (told as remaining time). */
  readonly deadline: number;
  /** Who signed it (an ARN), where the functions have that from Lambda. */
  readonly principal?: string;
}

/** The host's monotone number of this call: orders two messages of one host, whatever the clocks say. */
export const sequenceOf = (requestKey: string): string => requestKey.slice(0, SEQUENCE_WIDTH);

export const isRequestKey = (text: string): boolean => text.length === REQUEST_KEY_WIDTH && /^[0-9a-z]+$/.test(text);
