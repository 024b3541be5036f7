/** All hosts that the fleet knows, shard by shard. */
import type { Host } from './host.ts';
import { pages } from './pages.ts';
import { HOST_SHARDS, type Store } from './store.ts';

export async function* allHosts(store: Store): AsyncGenerator<Host> {
  for (let shard = 0; shard < HOST_SHARDS; shard++) {
    let after: string | undefined;
    for await (const { items, last } of pages(() => store.hostsOfShard(shard, after))) {
      yield* items;
      after = last;
    }
  }
}
