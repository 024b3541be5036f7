/**
 * One call of dockerd, with what its host adds to it: the caller, its place in the order of calls, its key, and how long
 * an answer is still of use.
 */

export type Driver = 'berth' | 'berth-ipvlan';

/** Width of a sequence: base 36 milliseconds, enough until the year 5188. Fixed, so that text order is time order. */
export const SEQUENCE_WIDTH = 9;
const NONCE_WIDTH = 4;
/** A request key: a sequence and a new random tail. */
export const REQUEST_KEY_WIDTH = SEQUENCE_WIDTH + NONCE_WIDTH;

export interface Call {
  readonly hostId: string;
  /** Raised by a fence. References of an earlier epoch can no longer claim anything. */
  readonly epoch: number;
  /** References of an earlier epoch belong to a machine that was this host before. `undefined`, 0: no such reference. */
  readonly ownEpoch?: number;
  readonly driver: Driver;
  /** Identifies the call: a repeated attempt carries the same one. */
  readonly requestKey: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** When the host gives up, in ms since the epoch by this function's clock (the host sends the remaining time). */
  readonly deadline: number;
  /** The principal that signed it (an ARN), if Lambda has passed it to the function. */
  readonly principal?: string;
}

/** The host's monotonic number of this call. It orders the messages of one host, whatever the clocks say. */
export const sequenceOf = (requestKey: string): string => requestKey.slice(0, SEQUENCE_WIDTH);

export const isRequestKey = (text: string): boolean => text.length === REQUEST_KEY_WIDTH && /^[0-9a-z]+$/.test(text);
