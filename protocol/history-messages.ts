/** What viewers ask of history, and the answers. Times are ISO 8601. */
import * as v from 'valibot';
import { required, spaceName } from './fields.ts';

export const viewAddressAtMessage = v.object({
  Space: spaceName,
  Address: required,
  /** Seconds since the epoch. */
  At: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(99_999_999_999)),
});
export type ViewAddressAtMessage = v.InferInput<typeof viewAddressAtMessage>;

/** What an address was at a time. */
const pastState = v.object({
  /** `none`: no pool of the space contained it. */
  State: v.picklist(['leased', 'reserved', 'resting', 'free', 'none']),
  Pool: v.nullable(v.string()),
  /** '': nobody, or unknown. */
  Host: v.string(),
  Mac: v.string(),
  /** The name of the endpoint, cut to what fits. */
  Endpoint: v.string(),
  /** Since when it was so: when its host asked for it, by that host's clock, or when it was freed. */
  Since: v.nullable(v.string()),
});
export type PastStateLine = v.InferInput<typeof pastState>;

/**
 * - `off`: no history is kept.
 * - `not-known`: changes of that time are not known. `From` and `To`: a later time of which all is known, and until when.
 * - `done`: every state in that second; more than one if it changed then.
 */
export const viewAddressAtAnswer = v.variant('Outcome', [
  v.object({ Outcome: v.literal('off') }),
  v.object({ Outcome: v.literal('not-known'), From: v.nullable(v.string()), To: v.nullable(v.string()) }),
  v.object({ Outcome: v.literal('done'), Address: v.string(), At: v.string(), States: v.array(pastState) }),
]);
export type ViewAddressAtAnswer = v.InferInput<typeof viewAddressAtAnswer>;
