/** What a check needs of the table, beyond what the other rules need. It only reads. */
import type { Host } from './host.ts';
import type { Found, PoolName, Store } from './store.ts';
import type { SweepCursor } from './sweep-cursor.ts';

/** The name of a shared pool. */
export interface NamedPool extends PoolName {
  readonly space: string;
  readonly name: string;
}

/** An item of the table. Settings, terms and the like are only read, to see that they can be. */
export type Item =
  | Found
  | { readonly kind: 'host'; readonly host: Host }
  | { readonly kind: 'name'; readonly name: NamedPool }
  | { readonly kind: 'sweep'; readonly cursor: SweepCursor }
  | { readonly kind: 'other' };

export interface ItemPage {
  readonly items: readonly Item[];
  /** Why further items cannot be read. */
  readonly unreadable: readonly string[];
  /** Where to continue. `undefined`: this was the last page. */
  readonly next: string | undefined;
}

type Reads = Pick<Store, 'readPool' | 'readRef' | 'readRefs' | 'refsOf' | 'readHost' | 'readChunks' | 'readTerm'>;

export interface TableView extends Reads {
  /** Some of all items, in the store's own order; items of one partition follow each other, sorted. */
  readItems(from: string | undefined, limit: number): Promise<ItemPage>;
  /** Whether a text may be a place where a page has ended: any caller may change it. */
  isPlace(text: string): boolean;
  /** All names of shared pools of a space. */
  namesOf(space: string): AsyncIterable<readonly NamedPool[]>;
}
