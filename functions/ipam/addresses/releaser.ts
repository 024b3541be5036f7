/**
 * How a free slot records which host freed it. The host may take its own address again at once, and a late message of the
 * host does not take back what it has freed since.
 */
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import { HOST_TAG_WIDTH, hostTag } from '../ref.ts';

type Caller = Pick<Call, 'hostId'>;

/** Made with the key of the table, so that nobody can search for two ids with one tag. */
export const releaserTag = async ({ store }: Deps, { hostId }: Caller): Promise<string> =>
  (await store.seal(`releaser ${hostId}`)).slice(0, HOST_TAG_WIDTH);

/** The tags by which a host recognises what it has freed. What was freed in its place, or by early versions, has the second. */
export const releaserTags = async (deps: Deps, caller: Caller): Promise<readonly string[]> => [
  await releaserTag(deps, caller),
  hostTag(deps.world, caller.hostId),
];
