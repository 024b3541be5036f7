/**
 * A table is written from one Region alone. Replicas of a global table take writes of every Region and settle afterwards
 * whose stays: a condition that held in each would have given one address twice.
 */
import type { Deps } from '../deps.ts';
import { Refusal } from '../refusal.ts';

/**
 * Makes a check to be run before what begins a host's day and a sweep: it asks the table once in the life of the process.
 *
 * @param region `undefined`: this is no cloud, and there is nothing to be checked.
 * @returns throws a Refusal where the table is at home in another Region.
 */
export function homeRegionCheck({ store }: Pick<Deps, 'store'>, region: string | undefined): () => Promise<void> {
  let isHome = region === undefined;
  return async () => {
    if (isHome || region === undefined) return;
    const home = await store.claimHome(region);
    isHome = home === region;
    if (!isHome) throw new Refusal('foreign-region', explain(home, region));
  };
}

const explain = (home: string, region: string): string =>
  `the table is written from ${home}, and this function runs in ${region}: two Regions that write one table would give ` +
  `an address twice; let hosts here call the functions in ${home}, or give this Region a table of its own ` +
  `(a table that has moved here for good: delete its item "home")`;
