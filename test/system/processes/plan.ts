/** The settings that a host gets when it starts. */
import * as v from 'valibot';
import { METHODS } from '../../../protocol/methods.ts';

export const plan = v.object({
  hostId: v.string(),
  seed: v.number(),
  actions: v.number(),
  /** The file for its history. */
  history: v.string(),
  /** It is killed at the first call of this method after this many calls. */
  death: v.optional(v.object({ method: v.picklist(METHODS), afterCalls: v.number() })),
});

export type Plan = v.InferOutput<typeof plan>;
