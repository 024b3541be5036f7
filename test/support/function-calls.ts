/** One call of each function, as its trigger sends it, over the life of a host. */
import * as v from 'valibot';
import { realWorld } from '../../functions/lambda/world.ts';
import type { FunctionName } from '../../infra/build.ts';
import { SEQUENCE_WIDTH } from '../../protocol/request-key.ts';
import { CALL_HEADERS, eventOf } from '../unit/functions/lambda/event.ts';
import { MAC } from './fleet.ts';

const OPERATOR = 'arn:aws:iam::123456789012:user/ops';
const TICK = { source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} };

/** A call of a host, with a new key each time. */
export function callOf(host: string, path: string, body: object): ReturnType<typeof eventOf> {
  const sequence = Date.now().toString(36).padStart(SEQUENCE_WIDTH, '0');
  const headers = { ...CALL_HEADERS, 'berth-host': host, 'berth-request': sequence + realWorld.random(4) };
  return eventOf(path, { body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } });
}

/** The same, signed by an operator. */
function operatorCall(path: string, body: object): object {
  const event = callOf('none', path, body);
  const { iam } = event.requestContext.authorizer;
  return { ...event, requestContext: { ...event.requestContext, authorizer: { iam: { ...iam, userArn: OPERATOR } } } };
}

export const register = (host: string): object =>
  callOf(host, '/Berth.Register', { Proposed: realWorld.random(24), ShimVersion: '0.1.0' });
export const requestPool = (host: string): object =>
  callOf(host, '/IpamDriver.RequestPool', { AddressSpace: 'default' });
export const requestAddress = (host: string, PoolID: string): object =>
  callOf(host, '/IpamDriver.RequestAddress', { PoolID, Options: MAC });

/** The request to each function. `poolId` belongs to a pool of the host. */
export const firstCalls = (host: string, poolId: string): Record<FunctionName, object> => ({
  capabilities: callOf(host, '/Berth.Handshake', {}),
  pools: requestPool(host),
  addresses: requestAddress(host, poolId),
  hosts: register(`${host}-${realWorld.random(6)}`),
  console: operatorCall('/Berth.HostState', { Host: 'nobody', State: 'dead', Key: realWorld.random(24) }),
  viewer: operatorCall('/Berth.ViewPools', { Space: 'default' }),
  check: operatorCall('/Berth.Check', {}),
  sweep: TICK,
  history: TICK,
});

const pool = v.object({ PoolID: v.string() });
export const poolIdOf = (body: unknown): string => v.parse(pool, body).PoolID;
