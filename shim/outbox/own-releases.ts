/**
 * A host may ask again for what it has just released, as `docker restart` does, before the release has reached the fleet.
 * Such a request comes after the release, and a refusal caused by the missing release is not final.
 */
import { isRelease } from '../../protocol/methods.ts';
import { type CallSummary, isNamed } from '../call-summary.ts';
import type { Verdict } from '../cloud/verdict.ts';

/**
 * Matches what waits and might make room for a request. A subnet or address that was asked for by name has no substitute,
 * so its request also waits for the settlements of other calls.
 */
export function mayMakeRoom(request: CallSummary): (waiting: CallSummary) => boolean {
  const concerns = request.method === 'RequestAddress' ? isOfPoolOrAddress(request) : isOfPools;
  if (isNamed(request)) return concerns;
  return (waiting) => isRelease(waiting.method) && concerns(waiting);
}

/**
 * Matches what waits and may hold the requested thing itself. For an address, that is all that names it, and what concerns
 * its pool without naming an address, such as the release of the network. For a pool, any other pool may overlap.
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

/** Refusals that may disappear once a release of this host arrives. */
const HELD: readonly string[] = ['address-in-use', 'no-address-left', 'pool-overlap', 'no-pool-left', 'limit-reached'];

/** The verdict of an attempt that was made while something that may hold the requested thing was still waiting. */
export function unlessHeld(verdict: Verdict): Verdict {
  if (verdict.kind === 'failed' || verdict.refusal === undefined || !HELD.includes(verdict.code ?? '')) return verdict;
  return {
    kind: 'failed',
    reason: `${verdict.refusal}; this host's own release has not reached Berth's functions yet; try again`,
    isOpen: false,
    remedy: 'repeat',
  };
}
