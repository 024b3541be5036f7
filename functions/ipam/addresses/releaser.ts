/**
 * How a free slot tells which host freed it: a host takes its own address again at once, and a late message of it does
 * not take back what it has freed since.
 */
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import { HOST_TAG_WIDTH, hostTag } from '../ref.ts';

type Caller = Pick<Call, 'hostId'>;

/** Under the key of the table, so that nobody can look for two ids with one tag. */
export const releaserTag = async ({ store }: Deps, { hostId }: Caller): Promise<string> =>
  (await store.seal(`releaser ${hostId}`)).slice(0, HOST_TAG_WIDTH);

/** Those by which a host knows what it has freed. What was freed in its place, or by early versions, has the second. */
export const releaserTags = async (deps: Deps, caller: Caller): Promise<readonly string[]> => [
  await releaserTag(deps, caller),
  hostTag(deps.world, caller.hostId),
];
