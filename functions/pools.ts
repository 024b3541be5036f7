/** RequestPool and ReleasePool. */
import { parseAddress } from '../protocol/address.ts';
import { type RequestPoolAnswer, releasePoolMessage, requestPoolMessage } from '../protocol/docker-messages.ts';
import { networkHeaders } from '../protocol/headers.ts';
import { openStore } from './dynamo/open.ts';
import { Bindings } from './ipam/hosts/binding.ts';
import { PoolMemory } from './ipam/pools/memory.ts';
import { releasePool } from './ipam/pools/release-pool.ts';
import { requestPool } from './ipam/pools/request-pool.ts';
import { parseEnv, tableEnv } from './lambda/env.ts';
import { handle, parseAs, parseMessage, parseOwnCall } from './lambda/handler.ts';
import { parseList, parseNameserver, parseRoute } from './lambda/messages.ts';
import { realWorld as world } from './lambda/world.ts';

const deps = { world, store: openStore(parseEnv(tableEnv).BERTH_TABLE, world), memory: new PoolMemory() };
const bindings = new Bindings(deps);

export const handler = handle({
  '/IpamDriver.RequestPool': async (request) => {
    const message = parseMessage(requestPoolMessage, request);
    const network = parseAs(networkHeaders, request.headers, 'the header of the request');
    const { poolId, pool } = await requestPool(deps, await parseOwnCall(request, bindings), {
      addressSpace: message.AddressSpace,
      pool: message.Pool,
      subPool: message.SubPool,
      v6: message.V6,
      options: message.Options,
      avoid: [
        ...parseList(network['berth-routes'], parseRoute),
        ...parseList(network['berth-nameservers'], parseNameserver),
      ],
      hostAddresses: parseList(network['berth-addresses'], parseAddress),
    });
    return { PoolID: poolId, Pool: pool, Data: {} } satisfies RequestPoolAnswer;
  },

  '/IpamDriver.ReleasePool': async (request) => {
    const { PoolID: poolId } = parseMessage(releasePoolMessage, request);
    await releasePool(deps, await parseOwnCall(request, bindings), poolId);
    return {};
  },
});
