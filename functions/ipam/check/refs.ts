/** References: each has a host and a pool, and follows its host. */
import { formatCidr } from '../../../protocol/address.ts';
import { isGlobalSpace } from '../../../protocol/ids.ts';
import { sideBySide } from '../all-settled.ts';
import type { Host } from '../host.ts';
import { isLeftBehind } from '../host-refs.ts';
import type { Ref } from '../ref.ts';
import type { Damage, Finding } from './finding.ts';
import { type Look, SWEPT_MS, isSettled, unlessUnreadable } from './look.ts';

type Flaw = readonly [damage: Damage, what: string];

/** Tombstones say what has ended, and are in nobody's way. */
export async function checkRefs(look: Look, refs: readonly Ref[]): Promise<Finding[]> {
  const standing = refs.filter(({ state, requestKey }) => state !== 'gone' && isSettled(requestKey, look.now));
  const hostIds = new Set(standing.map(({ hostId }) => hostId));
  const hosts = new Map(await sideBySide(hostIds, async (id) => [id, await readHost(look, id)] as const));
  const found = await sideBySide(standing, async (ref) => {
    const flaws = await unlessUnreadable(flawsOf(look, ref, hosts.get(ref.hostId)));
    return flaws.length > 0 && (await stands(look, ref)) ? flaws.map((flaw) => finding(ref, flaw)) : [];
  });
  return found.flat();
}

/** `unreadable`: its item is a finding of its own. */
const readHost = async ({ table }: Look, id: string): Promise<Host | 'unreadable' | undefined> =>
  table.readHost(id).catch(() => 'unreadable' as const);

async function flawsOf(look: Look, ref: Ref, host: Host | 'unreadable' | undefined): Promise<Flaw[]> {
  const flaws: Flaw[] = [];
  if (host === undefined) flaws.push(['orphaned reference', `its host ${ref.hostId} does not exist`]);
  else if (host !== 'unreadable') flaws.push(...followed(look, ref, host));
  // A network that is taken up again has its reference before its pool.
  if (ref.state !== 'reviving') {
    const pool = await look.table.readPool(ref.space, ref.cidr);
    if (pool?.generation !== ref.generation) flaws.push(['orphaned reference', 'its pool does not exist']);
  }
  if (ref.term !== undefined && isGlobalSpace(ref.space)) {
    const term = await look.table.readTerm(ref.space);
    if (ref.term > term) flaws.push(['counter off', `it is of term ${ref.term}, and the space is at ${term}`]);
  }
  return flaws;
}

/** @param host read after the reference: its epoch only grows. */
function followed({ now }: Look, ref: Ref, host: Host): Flaw[] {
  if (ref.epoch > host.epoch) {
    return [['counter off', `it is of epoch ${ref.epoch}, and its host ${host.id} is at ${host.epoch}`]];
  }
  const diedAt = Math.max(host.changedAt, host.fencedAt ?? 0);
  if (host.state !== 'dead' || !isLeftBehind(ref, host)) return [];
  return now < diedAt + SWEPT_MS ? [] : [['network of a dead host', `its host ${host.id} is dead`]];
}

/** Whether it is still as it was read, after all that was read because of it. */
async function stands({ table }: Look, { generation, name, state, epoch }: Ref): Promise<boolean> {
  const now = await table.readRef(generation, name);
  return now?.state === state && now.epoch === epoch;
}

const finding = (ref: Ref, [damage, what]: Flaw): Finding => ({
  damage,
  where: `the network of host ${ref.hostId} on ${formatCidr(ref.cidr)} of space ${ref.space}`,
  what,
  isLeftover: false,
  subject: { of: 'ref', ref },
});
