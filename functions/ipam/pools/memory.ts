/**
 * What a warm process remembers of spaces, so that a request for a pool need not read again what the process has just
 * read. Each fact has a time and is used only as long as it must still hold.
 */
import type { Deps } from '../deps.ts';
import { PoolCounts } from './pool-counts.ts';
import { Surveys } from './surveys.ts';

export class PoolMemory {
  readonly surveys = new Surveys();
  readonly counts = new PoolCounts();
}

/** What the requests that create and remove pools need. */
export interface PoolDeps extends Deps {
  readonly memory: PoolMemory;
}
