/** What only a sweep needs: a walk over all items, and a record of how far it came. */
import { marshall } from '@aws-sdk/util-dynamodb';
import * as v from 'valibot';
import type { Store } from '../ipam/store.ts';
import { decodeFound, decodeSweep, encodeSweep, readable } from './items.ts';
import { sweepKey } from './keys.ts';
import type { Table } from './table.ts';

const position = v.pipe(v.string(), v.parseJson(), v.object({ pk: v.string(), sk: v.string() }));

export const sweeps = (table: Table): Pick<Store, 'walk' | 'readSweep' | 'writeSweep'> => ({
  async walk(from, limit) {
    const { items, last } = await table.scan(from === undefined ? undefined : v.parse(position, from), limit);
    const read = readable(items, decodeFound);
    return {
      items: read.items.filter((found) => found !== undefined),
      unreadable: read.unreadable,
      next: last && JSON.stringify(last),
    };
  },

  async readSweep() {
    const item = await table.get(sweepKey);
    return item && decodeSweep(item);
  },

  async writeSweep(cursor) {
    const item = marshall({ ...sweepKey, ...encodeSweep(cursor) });
    // Unconditional: of two sweeps at once, the last to write decides where the next one continues.
    await table.put(() => ({ Item: item }));
  },
});
