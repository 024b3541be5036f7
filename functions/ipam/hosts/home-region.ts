/**
 * A table is written from one Region only. The replicas of a global table accept writes in every Region and resolve
 * conflicts afterwards: a condition that held in two Regions would have assigned one address twice.
 */
import type { Deps } from '../deps.ts';
import { Refusal } from '../refusal.ts';

/**
 * Makes a check to be run before a registration and before a sweep. It reads the table once in the life of the process.
 *
 * @param region `undefined`: this is not AWS, and there is nothing to check.
 * @returns a function that throws a Refusal if the table is written from another Region.
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
  `the table is written from ${home}, but this function runs in ${region}; two Regions that write to one table would ` +
  `assign an address twice; let the hosts here call the functions in ${home}, or give this Region its own table ` +
  `(if the table has moved here for good, delete its item "home")`;
