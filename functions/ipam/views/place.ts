/** Where a list goes on: what the answer before gave, which any caller may change. */
import { quote } from '../quote.ts';
import { Refusal } from '../refusal.ts';

/** @throws Refusal when a text is no such place. */
export function refusePlace(after: string | undefined, isPlace: (text: string) => boolean): void {
  if (after === undefined || isPlace(after)) return;
  throw new Refusal(
    'invalid-request',
    `${quote(after)} is not where the list goes on; give what the answer before gave as Next`,
  );
}

/**
 * The group of chunks at which a list begins, or goes on.
 *
 * @param groups how many groups the pool has.
 */
export function placeInGroups(after: string | undefined, groups: number): number {
  refusePlace(after, (text) => /^\d{1,4}$/.test(text) && Number(text) < groups);
  return after === undefined ? 0 : Number(after);
}
