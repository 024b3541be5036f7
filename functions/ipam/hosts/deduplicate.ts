/** An operator's message counts once: a copy of it may come for as long as its signature is good, which is minutes. */
import type { Deps } from '../deps.ts';
import { changeHost } from '../host-refs.ts';

/** More than anybody says of one host in that time. */
const MAX_REMEMBERED_KEYS = 16;

/**
 * Notes a message with the host that it is about, before anything is done about it.
 *
 * @returns whether it is heard for the first time. So it is, too, where there is no such host.
 */
export async function isFirstDelivery(deps: Deps, hostId: string, key: string): Promise<boolean> {
  let isFirst = true;
  await changeHost(deps, hostId, (host) => {
    isFirst = !host.heard.includes(key);
    return isFirst ? { ...host, heard: [key, ...host.heard].slice(0, MAX_REMEMBERED_KEYS) } : undefined;
  });
  return isFirst;
}
