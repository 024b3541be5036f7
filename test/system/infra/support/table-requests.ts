/** What the functions ask of the table while something happens to it, beyond what the conformance suite makes them ask. */
import assert from 'node:assert/strict';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { changeStream } from '../../../../functions/dynamo/change-stream.ts';
import { historyStore } from '../../../../functions/dynamo/history.ts';
import { notesOver } from '../../../../functions/dynamo/open-notes.ts';
import { viewOver } from '../../../../functions/dynamo/open-table-view.ts';
import { retriesOf, storeOver, tableOver } from '../../../../functions/dynamo/open.ts';
import { checkPage } from '../../../../functions/ipam/check/page.ts';
import { type FollowDeps, follow } from '../../../../functions/ipam/history/follow.ts';
import { whoHadAddress } from '../../../../functions/ipam/history/whois.ts';
import { IN_FLIGHT_MS, LEASE_MS } from '../../../../functions/ipam/host.ts';
import { reportDeath } from '../../../../functions/ipam/hosts/host-events.ts';
import { viewHost } from '../../../../functions/ipam/hosts/host-view.ts';
import { decodePoolId, encodePoolId } from '../../../../functions/ipam/pool-id.ts';
import { reviveNetwork } from '../../../../functions/ipam/recovery/revive.ts';
import { DEFAULT_SPACE } from '../../../../functions/ipam/space.ts';
import { showSpace } from '../../../../functions/ipam/spaces/change.ts';
import { type Notes, noteSpaces } from '../../../../functions/ipam/notes.ts';
import { HOST_LIFETIME_MS } from '../../../../functions/ipam/sweep/hosts.ts';
import { TOMBSTONE_LIFETIME_MS } from '../../../../functions/ipam/sweep/items.ts';
import { sweep } from '../../../../functions/ipam/sweep/sweep.ts';
import type { TableView } from '../../../../functions/ipam/table-view.ts';
import { openPoolId } from '../../../../functions/ipam/trusted-pool-id.ts';
import { listAddresses, whoseAddress } from '../../../../functions/ipam/views/addresses.ts';
import { listHosts } from '../../../../functions/ipam/views/hosts.ts';
import { freeAddresses } from '../../../../functions/ipam/views/free.ts';
import { freeSubnets } from '../../../../functions/ipam/views/free-subnets.ts';
import { listPools, showPool } from '../../../../functions/ipam/views/pools.ts';
import { realWorld } from '../../../../functions/lambda/world.ts';
import { type FunctionName } from '../../../../infra/build.ts';
import { createHistoryTable } from '../../../../infra/local/create-table.ts';
import { parseAddress, parseCidr } from '../../../../protocol/address.ts';
import { engineStore, storeAt } from '../../../support/engine-store.ts';
import { type Fleet, Host, MAC } from '../../../support/fleet.ts';
import { type TableRequest } from '../../../support/policy.ts';
import { requestOf } from '../../../support/record-requests.ts';
import { withoutFailures } from '../../../support/whole-sweep.ts';

type Past = Pick<FollowDeps, 'stream' | 'history'>;

interface Noting {
  readonly world: ReturnType<typeof settableWorld>;
  /** The table, and the same with every request recorded. */
  readonly deps: Fleet;
  readonly recorded: Fleet & { readonly notes: Notes };
  /** The same, as a check reads it. */
  readonly view: TableView;
  /** The same table's stream, and a table of history: the second with every request recorded. */
  readonly past: Past;
  readonly recordedPast: Past;
}

/** The requests of a function to a new table, while something happens to that. */
export async function requestsOf(
  name: FunctionName,
  happen: (at: Noting) => Promise<unknown>,
): Promise<TableRequest[]> {
  const engine = await engineStore();
  const { client, table } = await storeAt(engine.endpoint, () => Promise.resolve());
  await createHistoryTable(engine.client, `${table}-history`, table);
  const { region, credentials } = client.config;
  const streams = new DynamoDBStreamsClient({ endpoint: engine.endpoint, region, credentials });
  const requests: TableRequest[] = [];
  const note = (command: string, input: object): void => {
    const request = requestOf(command, input);
    if (request !== undefined) requests.push({ ...request, function: name });
  };
  const step = { step: 'initialize', name: 'noted' } as const;
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      (args) => (note(commandName, args.input), next(args)),
    step,
  );
  streams.middlewareStack.add(
    (next, { commandName = '' }) =>
      (args) => (note(commandName, args.input), next(args)),
    step,
  );
  const world = settableWorld();
  const over = (through: DynamoDBClient) => ({
    world,
    store: storeOver(through, table, world),
    notes: notesOver(through, table, world),
  });
  const pastOver = (through: DynamoDBClient, stream: DynamoDBStreamsClient): Past => ({
    stream: changeStream({ table: through, stream }, table, retriesOf(world)),
    history: historyStore(tableOver(through, `${table}-history`, world), 90 * 86_400_000),
  });
  const unrecorded = new DynamoDBStreamsClient({ endpoint: engine.endpoint, region, credentials });
  const past = pastOver(engine.client, unrecorded);
  const recordedPast = pastOver(client, streams);
  const view = viewOver(client, table, world);
  await happen({ world, deps: over(engine.client), recorded: over(client), view, past, recordedPast });
  for (const one of [client, streams, unrecorded]) one.destroy();
  await engine.close();
  return requests;
}

function settableWorld() {
  let ahead = 0;
  return { ...realWorld, now: () => realWorld.now() + ahead, advance: (by: number) => void (ahead += by) };
}

/** A sweep that finds everything that it can find; the clock is moved forward for it. */
export async function sweeps({ world, deps, recorded: swept }: Noting): Promise<void> {
  await litter(deps);
  await swept.store.claimHome('eu-west-1');
  for (const later of [
    LEASE_MS,
    IN_FLIGHT_MS,
    DEFAULT_SPACE.forgetAfter,
    IN_FLIGHT_MS,
    TOMBSTONE_LIFETIME_MS,
    7_200_000,
    7_200_000,
    HOST_LIFETIME_MS.fenced,
    HOST_LIFETIME_MS.fenced,
  ]) {
    world.advance(later);
    const cursor = await swept.store.readSweep();
    const { cursor: next, standing } = await withoutFailures(
      sweep(swept, { deadline: Infinity, limit: 10_000, cursor }),
    );
    await swept.store.writeSweep(next);
    if (standing.usage !== undefined) await noteSpaces(swept.notes, swept.store, standing.usage.spaces, world.now());
    await reportDeath(swept, 'gone', 'the test says so');
  }
}

/** A host whose network has ended without its knowledge, and which revives it: the suite does not wait for such a silence. */
export async function revival({ world, deps, recorded }: Noting): Promise<void> {
  const host = new Host(deps, 'back');
  await host.register();
  const { poolId } = await host.pool({ pool: '10.1.0.0/24' });
  await reportDeath(deps, 'back', 'the test says so');
  for (const later of [IN_FLIGHT_MS, TOMBSTONE_LIFETIME_MS, TOMBSTONE_LIFETIME_MS]) {
    world.advance(later);
    await withoutFailures(sweep(deps, { deadline: Infinity, limit: 10_000, cursor: undefined }));
  }
  const { epoch } = await host.register();
  await deps.store.writeSpace('default', { maxHostsPerPrincipal: 5 }, undefined);
  const network = { poolId, gateway: undefined, reserved: [], held: [], isLast: true };
  await reviveNetwork(recorded, host.call({ epoch }), network);
}

/** Everything that viewers can look at, with a small pool, one of 65,536 addresses and a large one. */
export async function views({ deps, recorded, past, recordedPast, world }: Noting): Promise<void> {
  const host = new Host(deps, 'seen');
  await host.register();
  const cidrs = ['10.1.0.0/24', '10.2.0.0/16', 'fd00:1::/64'];
  const given: string[] = [];
  for (const pool of cidrs) given.push(await host.address(await host.pool({ pool, v6: pool.includes(':') }), '', MAC));
  await recorded.notes.list();
  await recorded.notes.hoursOf('default');
  await listPools(recorded, 'default', undefined, Infinity);
  for (const text of cidrs) {
    const cidr = parseCidr(text) ?? assert.fail(text);
    assert.ok(await showPool(recorded, 'default', cidr, undefined, Infinity));
    assert.ok(await listAddresses(recorded, 'default', cidr, undefined, Infinity));
  }
  for (const text of given) assert.ok(await whoseAddress(recorded, 'default', parseAddress(text) ?? assert.fail(text)));
  await freeAddresses(
    recorded,
    { space: 'default', cidr: parseCidr('10.1.0.0/24') ?? assert.fail() },
    undefined,
    Infinity,
  );
  await freeSubnets(recorded, { space: 'default', family: 4, size: undefined }, undefined, Infinity);
  await listHosts(recorded, undefined, undefined, Infinity);
  assert.ok(await viewHost(recorded, 'seen'));
  await showSpace(recorded, 'default');
  const unrecorded = { ...deps, ...past };
  await follow(unrecorded, Infinity);
  world.advance(60_000);
  await follow(unrecorded, Infinity);
  const address = parseAddress(given[0]?.split('/')[0] ?? '') ?? assert.fail();
  const second = Math.floor(world.now() / 1_000) - 20;
  assert.ok((await whoHadAddress({ ...recorded, ...recordedPast }, { space: 'default', address, second })).isKnown);
}

/** History follows a table in which an address is given out. */
export async function following({ world, deps, recorded, recordedPast }: Noting): Promise<void> {
  const host = new Host(deps, 'past');
  await host.register();
  for (const pool of ['10.1.0.0/24', '10.2.0.0/24']) {
    await host.address(await host.pool({ pool }), '', MAC);
    await follow({ ...recorded, ...recordedPast }, Infinity);
    world.advance(60_000);
  }
}

/** A check of a table with pools, names, networks, addresses, and a lease that it has to look at twice. */
export async function check({ world, deps, view }: Noting): Promise<void> {
  const host = new Host(deps, 'sound');
  await host.register();
  const net = await host.pool({ options: { 'berth.name': 'front' } });
  await host.address(net, '', MAC);
  const { generation, ref } = decodePoolId(world, net.poolId, host.call());
  await deps.store.endRef(generation, ref, world.now());
  const other = await host.pool({ pool: '10.1.0.0/24' });
  await host.address(other, '', MAC);
  const gone = (await deps.store.readHost('sound')) ?? assert.fail();
  assert.ok(await deps.store.removeHost(gone));
  world.advance(IN_FLIGHT_MS * 60);
  assert.notDeepEqual((await checkPage({ table: view, now: world.now() }, undefined)).findings, []);
}

/** The function that is the first to need the key of the table makes it. */
export async function firstSeals(): Promise<TableRequest[]> {
  const all: TableRequest[] = [];
  for (const name of ['pools', 'addresses', 'hosts'] as const) {
    all.push(...(await requestsOf(name, ({ recorded }) => recorded.store.seal('a text'))));
  }
  return all;
}

/** A network of a release whose PoolIDs did not have a seal: the contents of such a PoolID are looked up. */
export async function oldPoolIds({ world, deps, recorded }: Noting): Promise<void> {
  const host = new Host(recorded, 'old');
  const { poolId } = await new Host(deps, 'old').pool();
  const { seal: _, ...id } = decodePoolId(world, poolId, host.call());
  await openPoolId(recorded, encodePoolId(world, id, undefined), host.call());
}

/** Two hosts that will never return, with a pool each and one in common, and an abandoned announcement. */
async function litter(deps: Fleet): Promise<void> {
  for (const id of ['silent', 'gone']) {
    const host = new Host(deps, id);
    await host.register();
    await host.address(await host.pool(), '', MAC);
    const shared = await host.pool({ pool: '10.1.0.0/24', options: { 'berth.reserve': '10.1.0.9' } });
    await host.address(shared, '', MAC);
  }
  const pool = await deps.store.poolsStartingIn('default', { family: 4, first: 0n, last: 2n ** 32n - 1n });
  const [draft] = pool.items;
  assert.ok(draft !== undefined);
  await deps.store.announcePool({ ...draft, space: 'abandoned' });
}
