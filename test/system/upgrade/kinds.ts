/** The kinds of items, and the functions that read them. */
import * as v from 'valibot';
import { decodeHost } from '../../../functions/dynamo/host-items.ts';
import {
  decodeChunk,
  decodeName,
  decodePool,
  decodeRef,
  decodeSpace,
  decodeSweep,
} from '../../../functions/dynamo/items.ts';
import { decodeSlot } from '../../../functions/ipam/slot.ts';

/** By the pattern of their sort key. */
export const kinds: readonly (readonly [RegExp, (item: unknown) => unknown])[] = [
  [/^config$/, decodeSpace],
  [/^name#/, decodeName],
  [/^pool#/, decodePool],
  [/^ref#/, decodeRef],
  [/^host#/, decodeHost],
  [/^chunk#/, (item) => decodeChunk(item).slots.map((slot) => slot && decodeSlot(slot))],
  [/^sweep$/, decodeSweep],
  [/^home$/, (item) => v.parse(v.object({ region: v.string() }), item)],
];
