/** An operator's message counts once: a copy of it may arrive as long as its signature is valid, which is minutes. */
import type { Deps } from '../deps.ts';
import { changeHost } from '../host-refs.ts';

/** More messages than operators send about one host in that time. */
const MAX_REMEMBERED_KEYS = 16;

/**
 * Records a message with the host that it is about, before it is carried out.
 *
 * @returns whether it arrives for the first time; also `true` if there is no such host.
 */
export async function isFirstDelivery(deps: Deps, hostId: string, key: string): Promise<boolean> {
  let isFirst = true;
  await changeHost(deps, hostId, (host) => {
    isFirst = !host.heard.includes(key);
    const heard = [key, ...host.heard].slice(0, MAX_REMEMBERED_KEYS);
    return isFirst ? { ...host, heard, heardAt: deps.world.now() } : undefined;
  });
  return isFirst;
}
