import type { Store } from './store.ts';
import type { World } from './world.ts';

/** What every use case needs. */
export interface Deps {
  readonly store: Store;
  readonly world: World;
}
