/** Items of the table that this version of the code cannot read. */
import { Refusal } from './refusal.ts';

/** An item that no version of Berth writes like this: it is damaged, or was changed by hand. */
export class UnreadableItem extends Error {
  constructor(what: string, reason: string) {
    super(
      `the table holds an item that Berth cannot read (${what}: ${reason}), since something else has changed it; ` +
        'correct or delete it, or restore the table',
    );
    this.name = 'UnreadableItem';
  }
}

/** Whether an error says that an item is damaged, or written by a newer version: a retry would not help. */
export const isUnreadable = (error: unknown): error is Error =>
  error instanceof UnreadableItem || (error instanceof Refusal && error.code === 'newer-format');
