/** A call is tried again and again under one request key, as long as that may help and its time is not over. */
import { type Time, realTime, within } from '../time.ts';
import type { Answered, Failed, Verdict } from './verdict.ts';

export interface Outcome {
  readonly last: Answered | Failed;
  readonly attempts: number;
  /** Some attempt was not answered: it may have been carried out, or may be yet. */
  readonly isOpen: boolean;
}

export interface Attempts {
  /** ms that all attempts together may take. */
  readonly budget: number;
  /** One attempt. @param timeout ms */
  readonly attempt: (number: number, timeout: number) => Promise<Verdict>;
  /** Learns anew what a refused attempt was told wrong, or makes this host known again. */
  readonly renew: (remedy: 'renew' | 'register') => Promise<void>;
  readonly time?: Time;
}

/** The share of the budget that one attempt may take: a function may use its 10 s, and there is time for a second. */
const SHARE = 0.55;
/** ms; the pause before a repeat is drawn between nothing and this, doubled with each. */
const FIRST_PAUSE = 200;
const MAX_PAUSE = 2_000;
/** ms that an attempt needs to be worth a try. */
const WORTHWHILE = 100;
/** What was learnt anew once and is refused again will be so for ever. */
const MAX_RENEWALS = 2;

export async function retryWithin({ budget, attempt, renew, time = realTime }: Attempts): Promise<Outcome> {
  const end = time.now() + budget;
  let isOpen = false;
  let renewals = 0;
  for (let attempts = 1; ; attempts++) {
    const last = await attempt(attempts, Math.min(budget * SHARE, end - time.now()));
    if (last.kind === 'answered') return { last, attempts, isOpen };
    isOpen ||= last.isOpen;
    if (last.remedy === 'none' || (last.remedy !== 'repeat' && ++renewals > MAX_RENEWALS)) {
      return { last, attempts, isOpen };
    }
    const pause = time.random() * Math.min(MAX_PAUSE, FIRST_PAUSE * 2 ** (attempts - 1));
    const spare = end - time.now() - pause - WORTHWHILE;
    if (spare < 0) return { last, attempts, isOpen };
    if (last.remedy !== 'repeat') await within(spare, renew(last.remedy), () => undefined);
    await time.pause(pause);
  }
}
