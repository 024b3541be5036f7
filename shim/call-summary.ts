/** What the shim must know of a call: which pool, which address. The functions read the rest. */
import * as v from 'valibot';
import { callSubject } from '../protocol/docker-messages.ts';
import { type Method, isRelease } from '../protocol/methods.ts';

export interface CallSummary {
  readonly method: Method;
  readonly request: string;
  /** The PoolID; '' if there is no pool yet. */
  readonly poolId: string;
  /** The requested or released address or subnet; '' for any. */
  readonly address: string;
}

const parser = v.fallback(v.pipe(v.string(), v.parseJson(), callSubject), { PoolID: '', Address: '', Pool: '' });

export function summaryOf({ method, key, body }: { method: Method; key: string; body: string }): CallSummary {
  const { PoolID: poolId, Address: address, Pool: pool } = v.parse(parser, body);
  return { method, request: key, poolId, address: method === 'RequestPool' ? pool : address };
}

/** Docker's ways to leave the choice of a subnet open: nothing, or a size only, such as `0.0.0.0/26`. */
const ANY = /^(|\/\d+|0\.0\.0\.0\/\d+|[0:]+\/\d+)$/;

/** A request for a particular subnet or address, whose release may not have reached the cloud yet. */
export const isNamed = ({ method, address }: CallSummary): boolean => !isRelease(method) && !ANY.test(address);

/** A request for an automatic pool. */
export const isAutomatic = ({ method, address }: CallSummary): boolean => method === 'RequestPool' && ANY.test(address);
