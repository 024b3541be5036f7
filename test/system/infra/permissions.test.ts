/**
 * Compares the functions' requests to the table with what their roles allow: nothing is asked that is not allowed, and
 * nothing is allowed that is never asked. The requests come from the conformance suite, a full sweep, a revival and a look at
 * everything.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import { notesOver } from '../../../functions/dynamo/open-notes.ts';
import { viewOver } from '../../../functions/dynamo/open-table-view.ts';
import { storeOver } from '../../../functions/dynamo/open.ts';
import { checkPage } from '../../../functions/ipam/check/page.ts';
import { IN_FLIGHT_MS, LEASE_MS } from '../../../functions/ipam/host.ts';
import { reportDeath } from '../../../functions/ipam/hosts/host-events.ts';
import { viewHost } from '../../../functions/ipam/hosts/host-view.ts';
import { decodePoolId, encodePoolId } from '../../../functions/ipam/pool-id.ts';
import { reviveNetwork } from '../../../functions/ipam/recovery/revive.ts';
import { DEFAULT_SPACE } from '../../../functions/ipam/space.ts';
import { showSpace } from '../../../functions/ipam/spaces/change.ts';
import { type Notes, noteSpaces } from '../../../functions/ipam/notes.ts';
import { HOST_LIFETIME_MS } from '../../../functions/ipam/sweep/hosts.ts';
import { TOMBSTONE_LIFETIME_MS } from '../../../functions/ipam/sweep/items.ts';
import { sweep } from '../../../functions/ipam/sweep/sweep.ts';
import type { TableView } from '../../../functions/ipam/table-view.ts';
import { openPoolId } from '../../../functions/ipam/trusted-pool-id.ts';
import { listAddresses, whoseAddress } from '../../../functions/ipam/views/addresses.ts';
import { listHosts } from '../../../functions/ipam/views/hosts.ts';
import { freeAddresses } from '../../../functions/ipam/views/free.ts';
import { freeSubnets } from '../../../functions/ipam/views/free-subnets.ts';
import { listPools, showPool } from '../../../functions/ipam/views/pools.ts';
import { realWorld } from '../../../functions/lambda/world.ts';
import { type FunctionName, functionNames } from '../../../infra/build.ts';
import { parseAddress, parseCidr } from '../../../protocol/address.ts';
import { root } from '../../support/repository.ts';
import { engineStore, storeAt } from '../../support/engine-store.ts';
import { type Fleet, Host, MAC } from '../../support/fleet.ts';
import { type Statement, type TableRequest, allows, statement } from '../../support/policy.ts';
import { requestOf } from '../../support/record-requests.ts';
import { withoutFailures } from '../../support/whole-sweep.ts';
import { scratchFolder } from './support/scratch.ts';
import { render } from './support/render.ts';
import { TABLE as DEPLOYED_TABLE, deployedPolicy, isAllowed as isAllowedBySimulator } from './support/simulator.ts';
import { Role, Template } from './support/template.ts';

const scratch = scratchFolder('permissions');
const TABLE = { 'Fn::GetAtt': ['Table', 'Arn'] };
const INDEX = { 'Fn::Join': ['/', [TABLE, 'index', 'byHost']] };

const roleNamed = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}Role`;
const roles = new Map<string, readonly Statement[]>();
let asked: readonly TableRequest[];

const noted = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    function: v.string(),
    action: v.string(),
    index: v.optional(v.string()),
    leadingKey: v.optional(v.string()),
  }),
);

before(async () => {
  const template = v.parse(Template, render(scratch, 'function-urls'));
  for (const name of functionNames) {
    const { Policies } = v.parse(Role, template.Resources[roleNamed(name)]).Properties;
    const all = Policies.flatMap(({ PolicyDocument }) => v.parse(v.array(statement), PolicyDocument.Statement));
    roles.set(
      name,
      all.filter(({ Action }) => Action.some((action) => action.startsWith('dynamodb:'))),
    );
  }
  asked = [
    ...conformance(),
    ...(await requestsOf('sweep', sweeps)),
    ...(await requestsOf('hosts', revival)),
    ...(await requestsOf('viewer', views)),
    ...(await requestsOf('check', check)),
    ...(await firstSeals()),
    ...(await requestsOf('addresses', oldPoolIds)),
  ];
});

/** Failures of the suite itself are ignored here. */
function conformance(): TableRequest[] {
  const file = path.join(scratch, 'asked');
  const recorder = path.join(root, 'test/support/record-requests.ts');
  // Otherwise it would treat itself as a part of this run.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  spawnSync(process.execPath, ['--test', ...globSync('test/system/conformance/*.test.ts', { cwd: root })], {
    cwd: root,
    stdio: 'ignore',
    // Some checks run only on Lambda.
    env: { ...env, AWS_LAMBDA_FUNCTION_NAME: 'recorded', BERTH_RECORD: file, NODE_OPTIONS: `--import ${recorder}` },
  });
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => v.parse(noted, line));
}

interface Noting {
  readonly world: ReturnType<typeof settableWorld>;
  /** The table, and the same with every request recorded. */
  readonly deps: Fleet;
  readonly recorded: Fleet & { readonly notes: Notes };
  /** The same, as a check reads it. */
  readonly view: TableView;
}

/** The requests of a function to a new table, while something happens to that. */
async function requestsOf(name: FunctionName, happen: (at: Noting) => Promise<unknown>): Promise<TableRequest[]> {
  const engine = await engineStore();
  const { client, table } = await storeAt(engine.endpoint, () => Promise.resolve());
  const requests: TableRequest[] = [];
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      (args) => {
        const request = requestOf(commandName, args.input);
        if (request !== undefined) requests.push({ ...request, function: name });
        return next(args);
      },
    { step: 'initialize', name: 'noted' },
  );
  const world = settableWorld();
  const over = (through: DynamoDBClient) => ({
    world,
    store: storeOver(through, table, world),
    notes: notesOver(through, table, world),
  });
  await happen({ world, deps: over(engine.client), recorded: over(client), view: viewOver(client, table, world) });
  client.destroy();
  await engine.close();
  return requests;
}

function settableWorld() {
  let ahead = 0;
  return { ...realWorld, now: () => realWorld.now() + ahead, advance: (by: number) => void (ahead += by) };
}

/** A sweep that finds everything that it can find; the clock is moved forward for it. */
async function sweeps({ world, deps, recorded: swept }: Noting): Promise<void> {
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
async function revival({ world, deps, recorded }: Noting): Promise<void> {
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
async function views({ deps, recorded }: Noting): Promise<void> {
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
}

/** A check of a table with pools, names, networks, addresses, and a lease that it has to look at twice. */
async function check({ world, deps, view }: Noting): Promise<void> {
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
async function firstSeals(): Promise<TableRequest[]> {
  const all: TableRequest[] = [];
  for (const name of ['pools', 'addresses', 'hosts'] as const) {
    all.push(...(await requestsOf(name, ({ recorded }) => recorded.store.seal('a text'))));
  }
  return all;
}

/** A network of a release whose PoolIDs did not have a seal: the contents of such a PoolID are looked up. */
async function oldPoolIds({ world, deps, recorded }: Noting): Promise<void> {
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

const told = ({ function: name, action, index, leadingKey }: TableRequest): string =>
  `${name}: ${action} ${index ?? ''}${leadingKey?.replace(/#.*/, '#') ?? ''}`;

const isAllowed = (request: TableRequest): boolean =>
  (roles.get(request.function) ?? []).some((one) => allows(one, request, request.index === undefined ? TABLE : INDEX));

describe('the roles', () => {
  it('allow every request of the functions to the table', () => {
    const names = new Set(asked.map(({ function: name }) => name));
    assert.deepEqual(
      functionNames.filter((name) => !names.has(name)),
      ['capabilities'],
      'only capabilities asks nothing',
    );
    assert.deepEqual([...new Set(asked.filter((request) => !isAllowed(request)).map(told))], []);
  });

  it('allow every request of the functions according to an independent simulator', async () => {
    const template = v.parse(Template, render(scratch, 'function-urls'));
    const distinct = new Map(asked.map((request) => [told(request), request]));
    const refused: string[] = [];
    for (const [name, { function: by, action, index, leadingKey }] of distinct) {
      const { Policies } = v.parse(Role, template.Resources[roleNamed(by)]).Properties;
      const policies = Policies.map(({ PolicyDocument }) => deployedPolicy(PolicyDocument));
      const context = leadingKey === undefined ? {} : { 'dynamodb:LeadingKeys': [leadingKey] };
      const resource = index === undefined ? DEPLOYED_TABLE : `${DEPLOYED_TABLE}/index/${index}`;
      if (!(await isAllowedBySimulator(policies, { action, resource, context }))) refused.push(name);
    }
    assert.ok(distinct.size > 30);
    assert.deepEqual(refused, []);
  });

  it('allow nothing else: each allowed action on each kind of item is used', () => {
    const idle = [...roles].flatMap(([name, statements]) =>
      statements.flatMap((one) =>
        one.Action.filter(
          (action) =>
            !asked.some(
              (request) =>
                request.function === name &&
                allows({ ...one, Action: [action] }, request, request.index === undefined ? TABLE : INDEX),
            ),
        ).map((action) => `${name}: ${action} ${JSON.stringify(one.Condition ?? one.Resource)}`),
      ),
    );
    assert.deepEqual(idle, []);
  });

  it('do not allow another function, another kind of item or another action', () => {
    assert.ok(isAllowed({ function: 'addresses', action: 'dynamodb:UpdateItem', leadingKey: 'pool#abc#0' }));
    for (const request of [
      { function: 'capabilities', action: 'dynamodb:UpdateItem', leadingKey: 'pool#abc#0' },
      { function: 'addresses', action: 'dynamodb:UpdateItem', leadingKey: 'hosts#a' },
      { function: 'addresses', action: 'dynamodb:DeleteItem', leadingKey: 'pool#abc#0' },
      { function: 'addresses', action: 'dynamodb:Query', index: 'byHost' },
      { function: 'pools', action: 'dynamodb:Scan' },
      { function: 'pools', action: 'dynamodb:PutItem', leadingKey: 'key' },
      { function: 'console', action: 'dynamodb:GetItem', leadingKey: 'key' },
      { function: 'viewer', action: 'dynamodb:GetItem', leadingKey: 'key' },
      { function: 'viewer', action: 'dynamodb:UpdateItem', leadingKey: 'hosts#a' },
      { function: 'viewer', action: 'dynamodb:Scan' },
      { function: 'check', action: 'dynamodb:GetItem', leadingKey: 'key' },
      { function: 'check', action: 'dynamodb:UpdateItem', leadingKey: 'pool#abc#0' },
      { function: 'check', action: 'dynamodb:DeleteItem', leadingKey: 'pool#abc#0' },
    ]) {
      assert.ok(!isAllowed(request), told(request));
    }
  });
});
