/** Whether a network may still take addresses. */
import { formatCidr, sameCidr } from './address.ts';
import type { Call } from './call.ts';
import type { PoolId } from './pool-id.ts';
import type { Ref } from './ref.ts';
import { Refusal } from './refusal.ts';

/** Why the reference behind a PoolID gives this call no address, if it does not. */
export function whyUnusable(ref: Ref | undefined, id: PoolId, call: Call): Refusal | undefined {
  const network = `${formatCidr(id.cidr)} of space ${id.space}`;
  if (ref === undefined || ref.state === 'gone') {
    return new Refusal(
      'pool-gone',
      `address space does not contain specified address pool: this network's share of ${network} was released; ` +
        'remove the network (docker network rm) and create it again',
    );
  }
  if (ref.state === 'dormant' || ref.epoch !== call.epoch) {
    return new Refusal(
      'pool-gone',
      `host ${call.hostId} was silent for too long and may take no address in ${network} until it has registered again`,
    );
  }
  if (ref.space !== id.space || !sameCidr(ref.cidr, id.cidr) || ref.hostId !== call.hostId) {
    return new Refusal('foreign-pool', `invalid pool id: it does not name the pool that ${ref.name} refers to`);
  }
  return undefined;
}

/** @throws Refusal when the reference gives this call no address. */
export function refuseUnusable(ref: Ref | undefined, id: PoolId, call: Call): asserts ref is Ref {
  const refusal = whyUnusable(ref, id, call);
  if (refusal !== undefined) throw refusal;
}
