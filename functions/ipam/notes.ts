/**
 * Which spaces there are and what they held over time, for viewers. Nothing in the table lists spaces: the walk of the sweep over
 * all items finds them once an hour and notes them. Notes are only for people: no rule reads them.
 */
import { sideBySide } from './all-settled.ts';
import { pages } from './pages.ts';
import type { Page, Store } from './store.ts';
import type { SpaceUse } from './sweep-cursor.ts';

/** Hours of which it is noted what a space held: thirty days. */
export const NOTED_HOURS = 720;
const HOUR_MS = 3_600_000;

export interface SpaceNote extends SpaceUse {
  readonly space: string;
  /** ms: when a walk counted it. `undefined`: an operator has configured it, and no walk has met it yet. */
  readonly at: number | undefined;
}

export interface HourNote extends SpaceUse {
  /** ms */
  readonly at: number;
}

/** Where notes are kept. Each method is one write, or one page of a read. */
export interface Notes {
  /** Notes what a space holds now, and in this hour of a ring of `NOTED_HOURS`. @param at ms */
  write(space: string, use: SpaceUse, at: number, hour: number): Promise<void>;
  /** Notes that there is a space. What is noted about it stays. */
  add(space: string): Promise<void>;
  /** In the order of their names. `after`: the name at which the page before has ended. */
  list(after?: string): Promise<Page<SpaceNote>>;
  /** What a space held in the hours that are noted, in any order. */
  hoursOf(space: string): Promise<readonly HourNote[]>;
  /** Forgets a space and its hours. */
  remove(space: string): Promise<void>;
}

/**
 * Notes the spaces that a walk has met. One that it has not met is forgotten, unless an operator has configured it.
 *
 * @param at ms: when the walk ended.
 */
export async function noteSpaces(
  notes: Notes,
  { readSpace }: Pick<Store, 'readSpace'>,
  spaces: Readonly<Record<string, SpaceUse>>,
  at: number,
): Promise<void> {
  const known: SpaceNote[] = [];
  for await (const { items } of pages((last?: SpaceNote) => notes.list(last?.space))) known.push(...items);
  const hour = Math.floor(at / HOUR_MS) % NOTED_HOURS;
  await sideBySide(Object.entries(spaces), ([space, use]) => notes.write(space, use, at, hour));
  await sideBySide(
    known.filter(({ space }) => !Object.hasOwn(spaces, space)),
    async ({ space }) => {
      if ((await readSpace(space)) === undefined) await notes.remove(space);
      else await notes.write(space, { pools4: 0, pools6: 0, size4: 0, held4: 0, held6: 0 }, at, hour);
    },
  );
}

/** What a space held, from the oldest hour that is noted to the newest. */
export async function usageOf(notes: Notes, space: string, now: number): Promise<readonly HourNote[]> {
  const all = await notes.hoursOf(space);
  return all.filter(({ at }) => at > now - NOTED_HOURS * HOUR_MS).toSorted((a, b) => a.at - b.at);
}
