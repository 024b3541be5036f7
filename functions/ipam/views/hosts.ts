/** The hosts of the fleet, page by page, for viewers. */
import type { Deps } from '../deps.ts';
import type { Host } from '../host.ts';
import { HOST_SHARDS } from '../store.ts';
import { refusePlace } from './place.ts';

const PAGE_HOSTS = 200;
const PLACE = /^(?<shard>\d{1,2})(?::(?<id>[A-Za-z0-9][A-Za-z0-9._:-]{0,127}))?$/;

export interface HostsPage {
  readonly hosts: readonly Host[];
  /** Where the next page begins. `undefined`: this was the last. */
  readonly next: string | undefined;
}

/**
 * Hosts come in the order of their shards. A page may be short, or empty, before the list has ended.
 *
 * @param state only hosts in it. `undefined`: all.
 * @param after the shard in which the page before has ended, and its last host: `SHARD` or `SHARD:ID`.
 * @param deadline ms: the page ends then.
 */
export async function listHosts(
  { store, world }: Deps,
  state: Host['state'] | undefined,
  after: string | undefined,
  deadline: number,
): Promise<HostsPage> {
  const found: Host[] = [];
  refusePlace(after, (text) => Number(PLACE.exec(text)?.groups?.['shard'] ?? HOST_SHARDS) < HOST_SHARDS);
  const from = PLACE.exec(after ?? '0')?.groups;
  let [shard, id] = [Number(from?.['shard']), from?.['id']];
  while (shard < HOST_SHARDS) {
    const { items, more, last } = await store.hostsOfShard(shard, id);
    for (const host of items) {
      if (state !== undefined && host.state !== state) continue;
      found.push(host);
      if (found.length === PAGE_HOSTS) return { hosts: found, next: `${shard}:${host.id}` };
    }
    [shard, id] = more ? [shard, last] : [shard + 1, undefined];
    if (world.now() >= deadline && shard < HOST_SHARDS)
      return { hosts: found, next: id === undefined ? String(shard) : `${shard}:${id}` };
  }
  return { hosts: found, next: undefined };
}
