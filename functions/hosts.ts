/** A host's life: it registers, settles calls whose outcome it does not know, and compares what it holds. */
import { formatAddress, formatCidr } from '../protocol/address.ts';
import {
  type HoldingsAnswer,
  type NetworkHoldings,
  type NetworksAnswer,
  type RegisterAnswer,
  type ReviveAnswer,
  holdingsMessage,
  networksMessage,
  registerMessage,
  reviveMessage,
  settleMessage,
} from '../protocol/host-messages.ts';
import { MAX_BODY_BYTES } from '../protocol/limits.ts';
import { openStore } from './dynamo/open.ts';
import { Bindings } from './ipam/hosts/binding.ts';
import { homeRegionCheck } from './ipam/hosts/home-region.ts';
import { registerHost } from './ipam/hosts/register.ts';
import { type Holdings, beginningsOf, holdingsOf, networksOf } from './ipam/recovery/holdings.ts';
import { reviveNetwork } from './ipam/recovery/revive.ts';
import { settleAddress, settlePool } from './ipam/recovery/settle.ts';
import { DEFAULT_SPACE_NAME } from './ipam/space.ts';
import { SpaceMemory } from './ipam/spaces/cache.ts';
import { isoTime } from './ipam/world.ts';
import { lambdaRegion, parseEnv, tableEnv } from './lambda/env.ts';
import {
  type Method,
  type Request,
  handle,
  parseAs,
  parseCall,
  parseMessage,
  parseOwnCall,
  parsePrincipal,
} from './lambda/handler.ts';
import { log } from './lambda/log.ts';
import { healthOf, machinePrintOf, networksPosition } from './lambda/messages.ts';
import { realWorld as world } from './lambda/world.ts';

const deps = { world, store: openStore(parseEnv(tableEnv).BERTH_TABLE, world) };
const bindings = new Bindings(deps);
const spaces = new SpaceMemory(deps);
const checkHome = homeRegionCheck(deps, lambdaRegion());

/** A settlement carries a whole request of any size, and what is to be kept of it. */
const MAX_SETTLEMENT_BYTES = MAX_BODY_BYTES + 4_096;

const settle: Method = async (request) => {
  const message = parseMessage(settleMessage, request);
  const call = await parseOwnCall(request, bindings);
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

const register = async (request: Request): Promise<RegisterAnswer> => {
  const message = parseMessage(registerMessage, request);
  await checkHome();
  const { heartbeat, isFresh, isWaking, rivalAt, ...host } = await registerHost(deps, parseCall(request), {
    principal: parsePrincipal(request),
    incarnation: message.Incarnation ?? undefined,
    proposed: message.Proposed,
    shimVersion: message.ShimVersion,
    engineVersion: message.EngineVersion,
    machine: machinePrintOf(message.Machine),
    health: message.Health ? healthOf(message.Health) : undefined,
    forgetAfter: await spaces.forgetAfter(message.Space ?? DEFAULT_SPACE_NAME),
  });
  return {
    Incarnation: host.incarnation,
    Epoch: host.epoch,
    Floor: host.floor,
    HeartbeatSeconds: heartbeat / 1_000,
    Fresh: isFresh,
    State: host.state,
    Waking: isWaking,
    Rival: rivalAt === undefined ? null : isoTime(rivalAt),
  };
};

const networks = async (request: Request): Promise<NetworksAnswer> => {
  const { After, Known } = parseMessage(networksMessage, request);
  const after = parseAs(networksPosition, After, 'After') ?? undefined;
  const page = await networksOf(deps, await parseOwnCall(request, bindings), { after, known: Known });
  const told = page.networks.map(({ poolId, key, ref }) => ({
    PoolID: poolId,
    Network: key,
    Pool: formatCidr(ref.cidr),
    State: ref.state,
  }));
  return { Networks: told, Next: page.next ?? null };
};

const holdings = async (request: Request): Promise<HoldingsAnswer> => {
  const { PoolID: poolId, Addresses: addresses, After: from, Further } = parseMessage(holdingsMessage, request);
  const call = await parseOwnCall(request, bindings);
  const held = await holdingsOf(deps, call, { poolId, addresses, from: from ?? 0n });
  const { holdings: further, failures } = await beginningsOf(deps, call, Further);
  for (const { poolId: pool, error } of failures) {
    log('error', 'network left out of an answer', { host: call.hostId, request: call.requestKey, pool, error });
  }
  return { ...holdingsView(held), Further: further.map(holdingsView) };
};

const holdingsView = (held: Holdings): NetworkHoldings => ({
  Network: held.key,
  Pool: formatCidr(held.cidr),
  Plan: held.isPlan,
  State: held.state ?? 'gone',
  Former: held.isFormers,
  Leases: held.leases.map(({ address, requestKey }) => ({ Address: formatAddress(address), Key: requestKey })),
  Others: held.others.map(({ address, holder }) => ({ Address: formatAddress(address), Holder: holder })),
  Next: held.next?.toString() ?? null,
});

const revive = async (request: Request): Promise<ReviveAnswer> => {
  const message = parseMessage(reviveMessage, request);
  const call = await parseOwnCall(request, bindings);
  const { state, taken } = await reviveNetwork(deps, call, {
    poolId: message.PoolID,
    gateway: message.Gateway ?? undefined,
    reserved: message.Reserved,
    held: message.Held.map(({ Address, MacAddress, Name }) => ({ address: Address, mac: MacAddress, name: Name })),
    isLast: message.Last,
  });
  const told = taken.map(({ address, holder }) => ({ Address: formatAddress(address), Holder: holder }));
  log('warn', 'network revived', {
    host: call.hostId,
    pool: message.PoolID,
    state,
    held: message.Held.length,
    taken: told,
  });
  return { State: state, Taken: told };
};

export const handler = handle(
  {
    '/Berth.Settle': settle,
    '/Berth.Register': register,
    '/Berth.Networks': networks,
    '/Berth.Holdings': holdings,
    '/Berth.Revive': revive,
  },
  MAX_SETTLEMENT_BYTES,
);
