/** Items of the table that this version of the code cannot read. */
import { Refusal } from './refusal.ts';

/** An item that no version of Berth has written so: it is damaged, or was changed by hand. */
export class UnreadableItem extends Error {
  constructor(what: string, reason: string) {
    super(
      `the table holds what Berth cannot read (${what}: ${reason}): it was changed by something else; ` +
        'correct or delete it, or restore the table',
    );
    this.name = 'UnreadableItem';
  }
}

/** Whether an error says that an item is damaged, or written by a newer version: to ask again would not help. */
export const isUnreadable = (error: unknown): error is Error =>
  error instanceof UnreadableItem || (error instanceof Refusal && error.code === 'newer-format');

/**
 * Runs one part of a walk over many items, which goes on with the rest where an item cannot be read.
 *
 * @param note is told why the part was left out.
 * @throws whatever else the part throws.
 */
export async function passingOver(note: (reason: string) => void, part: () => Promise<void>): Promise<void> {
  try {
    await part();
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    note(error.message);
  }
}
