/** What a signature is valid for: one service in one region, derived from the host name of the function. */
import type { Endpoint } from '../endpoint.ts';
import { UsageError } from '../user-error.ts';

export interface SigningScope {
  readonly service: 'lambda' | 'execute-api';
  readonly region: string;
}

const FUNCTION_URL = /^[a-z0-9]+\.lambda-url\.([a-z0-9-]+)\.on\.aws$/;
const HTTP_API = /^[a-z0-9-]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/;
/** An API of an emulator, or of a local gateway. */
const LOCAL_API = /^(?:[a-z0-9_-]+\.)+execute-api\.(?:([a-z0-9-]+)\.)?localhost$/;
/** A cloud on this machine has no region and accepts any. */
const LOCAL_REGION = 'local';

/**
 * @param region for endpoints whose name does not contain it; a region in the name takes precedence.
 * @throws UsageError when neither gives the region.
 */
export function signingScope({ target, text }: Endpoint, region: string | undefined): SigningScope {
  if (target.protocol === 'http:') {
    const api = LOCAL_API.exec(target.host);
    if (api === null) return { service: 'lambda', region: region ?? LOCAL_REGION };
    return { service: 'execute-api', region: api[1] ?? region ?? LOCAL_REGION };
  }
  const ofFunction = FUNCTION_URL.exec(target.host)?.[1];
  if (ofFunction !== undefined) return { service: 'lambda', region: ofFunction };
  const told = HTTP_API.exec(target.host)?.[1] ?? region;
  if (told !== undefined) return { service: 'execute-api', region: told };
  throw new UsageError(`the name of ${text} does not contain the AWS region; set it with --region or AWS_REGION`);
}
