/** RequestAddress and ReleaseAddress. */
import {
  type RequestAddressAnswer,
  releaseAddressMessage,
  requestAddressMessage,
} from '../protocol/docker-messages.ts';
import { openStore } from './dynamo/open.ts';
import { releaseAddress } from './ipam/addresses/release-address.ts';
import { requestAddress } from './ipam/addresses/request-address.ts';
import { Bindings } from './ipam/hosts/binding.ts';
import { parseEnv, tableEnv } from './lambda/env.ts';
import { handle, parseMessage, parseOwnCall } from './lambda/handler.ts';
import { log } from './lambda/log.ts';
import { realWorld as world } from './lambda/world.ts';

const deps = { world, store: openStore(parseEnv(tableEnv).BERTH_TABLE, world) };
const bindings = new Bindings(deps);

export const handler = handle({
  '/IpamDriver.RequestAddress': async (request) => {
    const { PoolID: poolId, Address: address, Options: options } = parseMessage(requestAddressMessage, request);
    const call = await parseOwnCall(request, bindings);
    const granted = await requestAddress(deps, call, { poolId, address, options });
    return { Address: granted, Data: {} } satisfies RequestAddressAnswer;
  },

  '/IpamDriver.ReleaseAddress': async (request) => {
    const { PoolID: poolId, Address: address } = parseMessage(releaseAddressMessage, request);
    const call = await parseOwnCall(request, bindings);
    const release = await releaseAddress(deps, call, { poolId, address });
    // Harmless, but a sign that the releases of this host arrive late.
    if (release === 'later-lease')
      log('warn', 'late release', { host: call.hostId, request: call.requestKey, address });
    return {};
  },
});
