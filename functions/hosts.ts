/** A host's life: it registers, and settles calls of which it does not know what became. */
import { openStore } from './dynamo/open.ts';
import { homeCheck } from './ipam/home.ts';
import { registerHost } from './ipam/host-life.ts';
import { settleAddress, settlePool } from './ipam/settle.ts';
import { lambdaRegion, parseEnv, tableEnv } from './lambda/env.ts';
import { MAX_BODY_BYTES, type Method, handle, parseCall, parseMessage, parsePrincipal } from './lambda/handler.ts';
import { log } from './lambda/log.ts';
import { registerMessage, settleMessage } from './lambda/messages.ts';
import { realWorld as world } from './lambda/world.ts';

const deps = { world, store: openStore(parseEnv(tableEnv).BERTH_TABLE, world) };
const checkHome = homeCheck(deps, lambdaRegion());

/** A settlement carries a whole request, whatever its size, and what is to be kept of it. */
const MAX_SETTLEMENT_BYTES = MAX_BODY_BYTES + 4_096;

const settle: Method = async (request) => {
  const message = parseMessage(settleMessage, request);
  const call = parseCall(request);
  const settled = { requestKey: message.RequestKey, keep: message.Keep ?? undefined };
  if (message.Method === 'RequestPool') {
    await settlePool(deps, call, settled);
  } else if (message.Request === null) {
    log('warn', 'malformed request settled', { host: call.hostId, request: message.RequestKey });
  } else {
    const { PoolID: poolId, Address: address, Options: options } = message.Request;
    await settleAddress(deps, call, { ...settled, poolId, address, options });
  }
  return {};
};

const register: Method = async (request) => {
  const message = parseMessage(registerMessage, request);
  await checkHome();
  const { heartbeat, isFresh, isWaking, ...host } = await registerHost(deps, parseCall(request), {
    principal: parsePrincipal(request),
    incarnation: message.Incarnation ?? undefined,
    proposed: message.Proposed,
    shimVersion: message.ShimVersion,
    engineVersion: message.EngineVersion,
  });
  return {
    Incarnation: host.incarnation,
    Epoch: host.epoch,
    Floor: host.floor,
    HeartbeatSeconds: heartbeat / 1_000,
    Fresh: isFresh,
    State: host.state,
    Waking: isWaking,
  };
};

export const handler = handle({ '/Berth.Settle': settle, '/Berth.Register': register }, MAX_SETTLEMENT_BYTES);
