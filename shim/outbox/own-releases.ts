/**
 * What this host has released and the fleet has yet to hear may be the very thing that the host asks for again, as after
 * `docker restart` while the functions are away. Such a request comes after it, and a refusal for its sake is none yet.
 */
import { isRelease } from '../../protocol/methods.ts';
import { type CallSummary, isNamed } from '../call-summary.ts';
import type { Verdict } from '../cloud/verdict.ts';

/**
 * What waits and might make room for a request. What is asked for by its name can be had nowhere else: it waits for what
 * attempts of other calls may have left as well.
 */
export function mayMakeRoom(request: CallSummary): (waiting: CallSummary) => boolean {
  const concerns = request.method === 'RequestAddress' ? isOfPoolOrAddress(request) : isOfPools;
  if (isNamed(request)) return concerns;
  return (waiting) => isRelease(waiting.method) && concerns(waiting);
}

/**
 * What waits and holds the thing itself, as far as can be told: of an address all that names it, and what of its pool
 * names none, such as the end of a network. Another pool may be in the way of any.
 */
export function holds(request: CallSummary): (waiting: CallSummary) => boolean {
  if (request.method !== 'RequestAddress') return isOfPools;
  const { poolId, address } = request;
  if (address === '') return (waiting) => waiting.poolId === poolId;
  return (waiting) => waiting.address === address || (waiting.poolId === poolId && waiting.address === '');
}

const isOfPools = ({ method }: CallSummary): boolean => method === 'ReleasePool' || method === 'RequestPool';

const isOfPoolOrAddress =
  ({ poolId, address }: CallSummary) =>
  (waiting: CallSummary): boolean =>
    waiting.poolId === poolId || (address !== '' && waiting.address === address);

/** Refusals that a release of this host's may take away. */
const HELD: readonly string[] = ['address-in-use', 'no-address-left', 'pool-overlap', 'no-pool-left', 'limit-reached'];

/** What an attempt comes to that was made before the fleet had heard what may hold what it asks for. */
export function unlessHeld(verdict: Verdict): Verdict {
  if (verdict.kind === 'failed' || verdict.refusal === undefined || !HELD.includes(verdict.code ?? '')) return verdict;
  return {
    kind: 'failed',
    reason: `${verdict.refusal}; this host's own release of something there is on its way to Berth's functions: try again`,
    isOpen: false,
    remedy: 'repeat',
  };
}
