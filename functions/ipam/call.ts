/**
 * One call of dockerd, with what its host adds to it: who asks, in which order, under which key, and for how long an
 * answer is still of use.
 */
import type { Driver } from '../../protocol/methods.ts';

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
