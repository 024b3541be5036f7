/** RequestPool and ReleasePool. */
import { openStore } from './dynamo/open.ts';
import { Bindings } from './ipam/hosts/binding.ts';
import { releasePool } from './ipam/pools/release-pool.ts';
import { requestPool } from './ipam/pools/request-pool.ts';
import { parseEnv, tableEnv } from './lambda/env.ts';
import { handle, parseAs, parseMessage, parseOwnCall } from './lambda/handler.ts';
import { addressHeaders, avoidHeaders, releasePoolMessage, requestPoolMessage } from './lambda/messages.ts';
import { realWorld as world } from './lambda/world.ts';

const deps = { world, store: openStore(parseEnv(tableEnv).BERTH_TABLE, world) };
const bindings = new Bindings(deps);

export const handler = handle({
  '/IpamDriver.RequestPool': async (request) => {
    const message = parseMessage(requestPoolMessage, request);
    const { poolId, pool } = await requestPool(deps, await parseOwnCall(request, bindings), {
      addressSpace: message.AddressSpace,
      pool: message.Pool,
      subPool: message.SubPool,
      v6: message.V6,
      options: message.Options,
      avoid: parseAs(avoidHeaders, request.headers, 'the header of the request'),
      hostAddresses: parseAs(addressHeaders, request.headers, 'the header of the request'),
    });
    return { PoolID: poolId, Pool: pool, Data: {} };
  },

  '/IpamDriver.ReleasePool': async (request) => {
    const { PoolID: poolId } = parseMessage(releasePoolMessage, request);
    await releasePool(deps, await parseOwnCall(request, bindings), poolId);
    return {};
  },
});
