/**
 * One call of dockerd, with what its host adds to it: the caller, its place in the order of calls, its key, and how long
 * an answer is still of use.
 */
import type { Driver } from '../../protocol/methods.ts';

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
