/** The store port over one DynamoDB table. */
import type { Store } from '../ipam/store.ts';
import { chunks } from './chunks.ts';
import { home } from './home.ts';
import { hosts } from './hosts.ts';
import { pools } from './pools.ts';
import { refs } from './refs.ts';
import { seals } from './seals.ts';
import { spaces } from './spaces.ts';
import { sweeps } from './sweeps.ts';
import type { Table } from './table.ts';

/** @param freshId makes an identity for one attempt of one write: 12 characters of `0-9a-z`, unique. */
export const dynamoStore = (table: Table, freshId: () => string): Store => ({
  ...spaces(table, freshId),
  ...pools(table, freshId),
  ...refs(table),
  ...hosts(table, freshId),
  ...chunks(table),
  ...sweeps(table),
  ...home(table),
  ...seals(table, freshId),
});
