/** The surveys that a process keeps from one request to the next. */
import { formatCidr } from '../../../protocol/address.ts';
import { type Area, Survey } from './survey.ts';

/** The most surveys that a process keeps, and the most ranges of each, some 100 bytes. */
const MAX_SURVEYS = 16;
const MAX_RANGES = 10_000;

/** The surveys that left some host no gap: a refusal rests on one, or the next request goes on with it. */
export class Surveys {
  readonly #kept = new Map<string, Survey>();
  /** Surveys of requests that have not ended, from which nothing was missed that this process has freed since. */
  #underWay = new WeakSet<Survey>();

  /** A new survey. @param first the number of the candidate where it begins. @param now ms since the epoch */
  begin(area: Area, first: bigint, now: number): Survey {
    const survey = new Survey(area, first, now);
    this.#underWay.add(survey);
    return survey;
  }

  /** The survey that was kept, which no other request has until it is kept again. `undefined`: none is fresh. */
  take(area: Area, now: number): Survey | undefined {
    const key = keyOf(area);
    const survey = this.#kept.get(key);
    this.#kept.delete(key);
    if (survey?.isFresh(now) !== true) return undefined;
    this.#underWay.add(survey);
    return survey;
  }

  /**
   * Keeps a survey for the next request, unless it has read nothing or is too large, or this process has freed something
   * that the survey may have as taken.
   *
   * @returns whether it was kept.
   */
  keep(survey: Survey): boolean {
    if (!this.#underWay.has(survey) || survey.known === 0n || survey.ranges > MAX_RANGES) return false;
    this.#kept.set(keyOf(survey.area), survey);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_SURVEYS && oldest !== undefined) this.#kept.delete(oldest);
    return true;
  }

  /** A pool of the space was removed: its subnet is found at once. */
  forget(space: string): void {
    this.#underWay = new WeakSet();
    for (const [key, { area }] of this.#kept) {
      if (area.space === space) this.#kept.delete(key);
    }
  }
}

/** What a survey depends on: the same for all hosts, and another once an operator has changed the ranges of the space. */
const keyOf = ({ space, ring, excluded }: Area): string =>
  [
    space,
    ring.size,
    ...ring.parts.map(({ range }) => formatCidr(range)),
    'without',
    ...excluded.map(formatCidr),
  ].join();
