/**
 * A check of the simulation: the same load is simulated, and run by the real rules and the real retries on the embedded
 * engine, behind a proxy that limits it by the same code. Both have a small part of DynamoDB's limits. On loopback only.
 */
import { Agent, type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { storeOver } from '../../functions/dynamo/open.ts';
import type { GrantedPool } from '../../functions/ipam/pools/request-pool.ts';
import { realWorld } from '../../functions/lambda/world.ts';
import { retryWithin } from '../../shim/cloud/retry.ts';
import { type Time, realTime } from '../../shim/time.ts';
import { engineStore, localClient } from '../../test/support/engine-store.ts';
import { GATEWAY, Host } from '../../test/support/fleet.ts';
import { portOf, send } from '../../test/support/http.ts';
import { chance } from '../../test/support/interleaving.ts';
import { Cloud } from './cloud.ts';
import { ASSUMED, type Settings } from './limits.ts';
import { type Asked, TableLimits } from './table-limits.ts';
import { Tally, totalOf } from './tally.ts';
import { type Operation, type Traces, partitionOf, placeOf, unitsOf } from './traces.ts';
import { VirtualTime } from './virtual-time.ts';

export interface Scope {
  /** Every limit is divided by this. */
  readonly divisor: number;
  readonly hosts: number;
  readonly milliseconds: number;
  readonly seed: number;
}

export interface Found {
  /** Pools that were joined, and addresses that were granted. */
  readonly joins: number;
  readonly addresses: number;
  readonly throttles: number;
  readonly p50: number;
  readonly p99: number;
}

/** One host's calls. Each is one attempt, and throws when it fails. */
interface Actor {
  readonly join: () => Promise<void>;
  readonly address: () => Promise<void>;
  readonly release: () => Promise<void>;
}

const POOL = '10.9.0.0/16';
const GROUPS = 64;
const BUDGET_MS = 20_000;
const NO_PEAK = { writes: 0, reads: 0 };

/** Each host joins, and then takes and returns an address again and again. */
async function drive(
  time: Time,
  actors: readonly Actor[],
  { milliseconds }: Scope,
  throttles: () => number,
): Promise<Found> {
  const end = time.now() + milliseconds;
  const tally = new Tally();
  const repeated = async (attempt: () => Promise<void>): Promise<boolean> => {
    const { last } = await retryWithin({
      budget: Math.min(BUDGET_MS, end - time.now()),
      time,
      renew: () => Promise.resolve(),
      attempt: () =>
        attempt().then(
          () => ({ kind: 'answered', text: '', refusal: undefined, granted: '' }),
          (error: unknown) => ({ kind: 'failed', reason: String(error), isOpen: true, remedy: 'repeat' }),
        ),
    });
    return last.kind === 'answered' && time.now() < end;
  };
  await Promise.all(
    actors.map(async (actor) => {
      if (await repeated(() => actor.join())) tally.delivered++;
      while (time.now() < end) {
        const began = time.now();
        if (await repeated(() => actor.address())) tally.took.push(time.now() - began);
        await repeated(() => actor.release());
      }
    }),
  );
  const { p50, p99 } = tally.latencies();
  return { joins: tally.delivered, addresses: tally.took.length, throttles: throttles(), p50, p99 };
}

export async function simulated(traces: Traces, settings: Settings, scope: Scope): Promise<Found> {
  const time = new VirtualTime(scope.seed);
  const cloud = new Cloud({ time, traces, settings, weight: scope.divisor, previousPeak: NO_PEAK });
  const run = (operation: Operation, id: string): Promise<void> => {
    const group = operation.endsWith('Address') ? Math.floor(time.random() * GROUPS) : 0;
    const shares = { space: 'space', hosts: 'hosts', refs: 'pool', chunks: `group ${group}` };
    return cloud.run(traces[operation], { id, shares, exactItem: 'gateway' });
  };
  const actors = Array.from({ length: scope.hosts }, (_, i): Actor => {
    const id = String(i);
    return {
      join: async () => {
        await run('joinPool', id);
        await run('joinGateway', id);
      },
      address: () => run('requestAddress', id),
      release: () => run('releaseAddress', id),
    };
  });
  const done = drive(time, actors, scope, () => totalOf(cloud.tally.throttles));
  await time.run();
  return done;
}

export async function executed(settings: Settings, scope: Scope): Promise<Found> {
  const engine = await engineStore();
  const limits = new TableLimits({
    now: () => realTime.now(),
    most: settings.table,
    previousPeak: NO_PEAK,
    weight: scope.divisor,
  });
  const proxy = await throttlingProxy(engine.endpoint, limits, scope.seed);
  const client = localClient(proxy.url, 1);
  const world = { ...realWorld, advance: () => undefined };
  const direct = { world, store: engine.store };
  const limited = { world, store: storeOver(client, engine.table, world) };
  try {
    // One host has the pool already. All are registered.
    const first = new Host(direct, 'first');
    await first.register();
    await first.address(await first.pool({ pool: POOL }), '', GATEWAY);
    const ids = Array.from({ length: scope.hosts }, (_, i) => `host-${i}`);
    for (const id of ids) await new Host(direct, id).register();
    return await drive(
      realTime,
      ids.map((id) => actorOf(new Host(limited, id))),
      scope,
      () => proxy.throttles,
    );
  } finally {
    client.destroy();
    proxy.close();
    await engine.close();
  }
}

function actorOf(host: Host): Actor {
  let net: GrantedPool | undefined;
  let held: string | undefined;
  const network = (): GrantedPool => {
    if (net === undefined) throw new Error('the host has not joined');
    return net;
  };
  return {
    join: async () => {
      net ??= await host.pool({ pool: POOL });
      await host.address(net, '', GATEWAY);
    },
    address: async () => {
      held = await host.address(network());
    },
    release: async () => {
      if (held !== undefined) await host.release(network(), held);
      held = undefined;
    },
  };
}

const TARGET = 'x-amz-target';
const REFUSED = JSON.stringify({ __type: 'com.amazon.coral.availability#ThrottlingException', message: 'throttled' });

/** DynamoDB as a client meets it: slower than the engine, and with limits. */
async function throttlingProxy(upstream: string, limits: TableLimits, seed: number) {
  const random = chance(seed);
  const agent = new Agent({ keepAlive: true });
  const { hostname, port } = new URL(upstream);
  const state = { throttles: 0 };
  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body: unknown = JSON.parse((await buffer(request)).toString());
    const asked = askedBy(String(request.headers[TARGET]), body);
    const { least, mean } = ASSUMED.requestMs;
    await delay(least - mean * Math.log(1 - random()));
    if (limits.refusal(asked) !== undefined) {
      state.throttles++;
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' }).end(REFUSED);
      return;
    }
    // What it takes is known with its answer, and others come before that.
    limits.take(asked, 1, 0);
    const text = JSON.stringify({ ...Object(body), ReturnConsumedCapacity: 'INDEXES' });
    const headers = { ...request.headers, 'content-length': Buffer.byteLength(text) };
    const answer = await send({ agent, hostname, port, path: request.url, headers }, text);
    if (answer.status === 200) {
      const { own, index } = unitsOf(JSON.parse(answer.body.toString()));
      limits.take(asked, own - 1, index);
    }
    response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.0' }).end(answer.body);
  };
  const server = createServer((request, response) => {
    pass(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    get throttles(): number {
      return state.throttles;
    },
    close: (): void => {
      server.closeAllConnections();
      server.close();
      agent.destroy();
    },
  };
}

function askedBy(target: string, body: unknown): Asked {
  const { pk } = partitionOf(body);
  const isWrite = /\.(Put|Update|Delete)/.test(target);
  return { partition: pk, isWrite, isIndexed: target.endsWith('.PutItem') && placeOf(pk) === 'refs' };
}
