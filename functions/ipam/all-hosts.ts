/** All hosts that the fleet knows, shard by shard. */
import type { Host } from './host.ts';
import { HOST_SHARDS, type HostPage, type Store } from './store.ts';

export async function* allHosts(store: Store): AsyncGenerator<Host> {
  for (let shard = 0; shard < HOST_SHARDS; shard++) {
    let page: HostPage = { items: [], unreadable: [], last: undefined, more: true };
    while (page.more) {
      page = await store.hostsOfShard(shard, page.last);
      yield* page.items;
    }
  }
}
