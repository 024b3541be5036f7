/** What an operator asks about damage of the table, page by page, and the answers. */
import * as v from 'valibot';

/** What an operator's command reads in the answer to a handshake: the URL of the check. Functions of v0.1 have none. */
export const checkerAnswer = v.object({ Functions: v.object({ Check: v.optional(v.string()) }) });
export type CheckerAnswer = v.InferInput<typeof checkerAnswer>;

export const checkMessage = v.object({
  /** Where to go on: what the answer before gave as `Next`. */
  After: v.nullish(v.pipe(v.string(), v.maxLength(1_024))),
});
export type CheckMessage = v.InferInput<typeof checkMessage>;

const finding = v.object({
  /** The kind of damage, as people call it. */
  Damage: v.string(),
  /** Where it is, and what is wrong, for people. */
  Where: v.string(),
  What: v.string(),
  /** A sweep clears it by itself, and may not have had the time. */
  IsLeftover: v.boolean(),
  /** Names what was seen, exactly: two looks that give the same id have seen the same. */
  Id: v.string(),
});
export type FindingLine = v.InferInput<typeof finding>;

export const checkAnswer = v.object({
  Findings: v.array(finding),
  /** Items that this page has read. */
  Items: v.number(),
  /** `null`: this was the last page. */
  Next: v.nullable(v.string()),
});
export type CheckAnswer = v.InferInput<typeof checkAnswer>;
