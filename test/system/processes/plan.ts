/** What a host is told when it starts. */
import * as v from 'valibot';
import { METHODS } from './history.ts';

export const plan = v.object({
  hostId: v.string(),
  seed: v.number(),
  actions: v.number(),
  /** Where it writes its history. */
  history: v.string(),
  /** At the first call of this method after so many calls it is killed. */
  death: v.optional(v.object({ method: v.picklist(METHODS), afterCalls: v.number() })),
});

export type Plan = v.InferOutput<typeof plan>;
