/** Repeats a call under one request key, as long as a repeat may help and time is left. */
import { type Time, realTime, within } from '../time.ts';
import type { Answered, Failed, Verdict } from './verdict.ts';

export interface Outcome {
  readonly last: Answered | Failed;
  readonly attempts: number;
  /** An attempt was not answered: it may have been carried out, or may still be. */
  readonly isOpen: boolean;
}

export interface Attempts {
  /** ms that all attempts together may take. */
  readonly budget: number;
  /** One attempt. @param timeout ms */
  readonly attempt: (number: number, timeout: number) => Promise<Verdict>;
  /** `renew`: asks again where the functions are, since a refused attempt may have gone to the wrong place. `register`: registers this host again. */
  readonly renew: (remedy: 'renew' | 'register') => Promise<void>;
  readonly time?: Time;
}

/** The share of the budget that one attempt may take: a function may use its 10 s, and time is left for a second attempt. */
const ATTEMPT_SHARE = 0.55;
/** The pause before a repeat is random, from 0 up to this, which doubles with each repeat. */
const FIRST_PAUSE_MS = 200;
const MAX_PAUSE_MS = 2_000;
/** With less time left, another attempt is not worth it. */
const MIN_ATTEMPT_MS = 100;
/** If the call is still refused after these renewals, more of them will not help. */
const MAX_RENEWALS = 2;

export async function retryWithin({ budget, attempt, renew, time = realTime }: Attempts): Promise<Outcome> {
  const end = time.now() + budget;
  let isOpen = false;
  let renewals = 0;
  for (let attempts = 1; ; attempts++) {
    const last = await attempt(attempts, Math.min(budget * ATTEMPT_SHARE, end - time.now()));
    if (last.kind === 'answered') return { last, attempts, isOpen };
    isOpen ||= last.isOpen;
    if (last.remedy === 'none' || (last.remedy !== 'repeat' && ++renewals > MAX_RENEWALS)) {
      return { last, attempts, isOpen };
    }
    const pause = time.random() * Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempts - 1));
    const spare = end - time.now() - pause - MIN_ATTEMPT_MS;
    if (spare < 0) return { last, attempts, isOpen };
    if (last.remedy !== 'repeat') await within(spare, renew(last.remedy), () => undefined);
    await time.pause(pause);
  }
}
