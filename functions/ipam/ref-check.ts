/** Whether a network may still take addresses, and a host networks. */
import { formatCidr, sameCidr } from '../../protocol/address.ts';
import type { Call } from './call.ts';
import type { Deps } from './deps.ts';
import { FIRST_EPOCH, type Host } from './host.ts';
import type { PoolId } from './pool-id.ts';
import type { Ref } from './ref.ts';
import { Refusal } from './refusal.ts';

/** Why the reference behind a PoolID gives this call no address. `undefined`: it does give one. */
export function whyUnusable(ref: Ref | undefined, id: PoolId, call: Call): Refusal | undefined {
  const network = `${formatCidr(id.cidr)} of space ${id.space}`;
  if (ref === undefined || ref.state === 'gone') {
    return new Refusal(
      'pool-gone',
      `address space does not contain specified address pool: this network's share of ${network} was released; ` +
        'remove the network (docker network rm) and create it again',
    );
  }
  if (isFormers(ref, call)) return ofFormer(ref, call);
  if (ref.state === 'reviving') {
    return new Refusal(
      'busy',
      `host ${call.hostId} was silent for so long that its network on ${network} was reclaimed; the network is being ` +
        'restored; try again',
    );
  }
  if (ref.state === 'dormant' || ref.epoch !== call.epoch) {
    return new Refusal(
      'host-fenced',
      `host ${call.hostId} was silent for too long and gets no address in ${network} until it registers again`,
    );
  }
  if (ref.state === 'draining') return drains(call, `no address in ${network}`);
  if (ref.space !== id.space || !sameCidr(ref.cidr, id.cidr) || ref.hostId !== call.hostId) {
    return new Refusal('foreign-pool', `invalid pool id: it does not name the pool that ${ref.name} refers to`);
  }
  return undefined;
}

/** Whether a reference is that of a machine that was this host before. */
export const isFormers = ({ epoch }: Ref, { ownEpoch = 0 }: Pick<Call, 'ownEpoch'>): boolean => epoch < ownEpoch;

const ofFormer = ({ cidr, space }: Ref, { hostId }: Call): Refusal =>
  new Refusal(
    'former-machine',
    `${formatCidr(cidr)} of space ${space} is held by the machine that was host ${hostId} before this one, and which may ` +
      `still run; if that was this machine, run berth host adopt ${hostId} --principal ARN; if that machine is gone for ` +
      `good, run berth host former-dead ${hostId}`,
  );

/**
 * Refuses to release what a machine holds that was this host before. Reads the table only if there was such a machine.
 *
 * @throws Refusal
 */
export async function refuseFormers(
  { store }: Pick<Deps, 'store'>,
  { generation, ref: name }: Pick<PoolId, 'generation' | 'ref'>,
  call: Call,
): Promise<void> {
  if (call.ownEpoch === undefined || call.ownEpoch === 0) return;
  const ref = await store.readRef(generation, name);
  if (ref !== undefined && ref.state !== 'gone' && isFormers(ref, call)) throw ofFormer(ref, call);
}

/** @throws Refusal when the reference gives this call no address. */
export function refuseUnusable(ref: Ref | undefined, id: PoolId, call: Call): asserts ref is Ref {
  const refusal = whyUnusable(ref, id, call);
  if (refusal !== undefined) throw refusal;
}

const drains = ({ hostId }: Call, what: string): Refusal =>
  new Refusal('host-draining', `host ${hostId} is draining and gets ${what}; use another host`);

/**
 * @param host read after the reference that the call has added. A fence raises the epoch first and looks for references
 * afterwards, so either the fence finds the reference, or this check sees the fence. `undefined`: it never registered.
 * @throws Refusal when the host may not join a pool.
 */
export function refuseUnfit(host: Host | undefined, call: Call): void {
  if (host?.state === 'fenced' || host?.state === 'dead' || (host?.epoch ?? FIRST_EPOCH) !== call.epoch) {
    throw new Refusal(
      'host-fenced',
      `host ${call.hostId} was silent for too long and cannot join a pool until it registers again`,
    );
  }
  if (host?.state === 'draining') throw drains(call, 'no new network');
}
