/**
 * Records what this version leaves behind: its table, a host's data folder, and its messages on the wire.
 *
 * Usage, once for each release, at its commit: node test/system/upgrade/make-fixtures.ts v0.1.0
 *
 * A fixture is made once and never again: it represents what hosts and tables of that release hold.
 */
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import type { Ref } from '../../../functions/ipam/ref.ts';
import { bundle, functionNames } from '../../../infra/build.ts';
import { signers } from '../../../shim/aws/signer.ts';
import { FunctionUrlClient } from '../../../shim/cloud/client.ts';
import { Transport } from '../../../shim/cloud/transport.ts';
import { parseEndpoint } from '../../../shim/endpoint.ts';
import { callPlugin, runBerth } from '../../support/berth-process.ts';
import { GATEWAY, MAC, named as byName } from '../../support/fleet.ts';
import { itemsOf } from '../../support/items.ts';
import type { Passage } from '../../support/fault-proxy.ts';
import { LocalCloud } from '../../support/local-cloud.ts';
import { eventually } from '../../support/stage.ts';
import { bare } from '../faults/dockerd.ts';
import { FaultyHost } from '../faults/host.ts';
import { type Exchange, HOST, type Network, fixtureFolder } from './fixture.ts';

const named = (name: string) => ({ ...MAC, ...byName(name) });
const DAMAGED = { PoolID: 'berth1,damaged', Address: '10.1.0.1' };
/** ms */
const SWEEP_EVERY = 250;
/** log2 of Brotli's window in bytes: it covers all bundles. */
const WINDOW = 24;

async function main(release: string): Promise<void> {
  const folder = fixtureFolder(release);
  if (existsSync(folder)) throw new Error(`${folder} exists: the fixture of a release does not change`);
  const cloud = await LocalCloud.start({ sweepEvery: SWEEP_EVERY });
  const hosts: FaultyHost[] = [];
  try {
    const host = await FaultyHost.start(cloud, HOST);
    hosts.push(host);
    await operate(host, 'space', ['set', 'default', '--max-pools', '1000', '--cooldown', '10s']);
    await operate(host, 'space', ['show', 'default']);
    const networks = await live(cloud, host);
    hosts.push(...(await others(cloud, host)));
    await askOfTable(cloud, host, networks);
    await fallInMidCall(host, networks);
    await cloud.store.claimHome('eu-west-1');
    mkdirSync(folder, { recursive: true });
    write(folder, 'table.json', await itemsOf(cloud.client, 'berth'));
    write(folder, 'messages.json', exchangesOf(hosts.flatMap(({ proxy }) => proxy.passages)));
    write(folder, 'networks.json', networks);
    writeFileSync(path.join(folder, 'functions.json.br'), await packFunctions(cloud.folder));
    cpSync(path.join(cloud.folder, HOST, 'data'), path.join(folder, 'host'), { recursive: true, filter: isKept });
  } finally {
    for (const host of hosts) await host.stop();
    await cloud.stop();
  }
}

const write = (folder: string, name: string, value: unknown): void => {
  writeFileSync(path.join(folder, name), `${JSON.stringify(value, undefined, 2)}\n`);
};

/** The bundles as they are deployed, by name. Their common parts are packed only once. */
async function packFunctions(scratch: string): Promise<Buffer> {
  const bundles: Record<string, string> = {};
  for (const name of functionNames) {
    const { code } = await bundle(name, path.join(scratch, 'bundles', `${name}.js`));
    bundles[name] = Buffer.from(code).toString();
  }
  return brotliCompressSync(JSON.stringify(bundles), { params: { [constants.BROTLI_PARAM_LGWIN]: WINDOW } });
}

/** The variables of one process. */
const isKept = (file: string): boolean => !path.basename(file).startsWith('lock.');

async function operate(host: FaultyHost, what: string, args: readonly string[]): Promise<void> {
  const { code, err } = await runBerth([what, ...args, '--endpoint', host.proxy.endpoint]);
  if (code !== 0) throw new Error(`berth ${what} ${args.join(' ')}: ${err}`);
}

/** Networks of every kind, with what they hold and have released. */
async function live(cloud: LocalCloud, host: FaultyHost): Promise<Network[]> {
  const shared = await network(cloud, { Pool: '10.1.0.0/24', Options: { 'berth.order': 'serial' } });
  const ranged = await network(cloud, { Pool: '10.9.0.0/24', SubPool: '10.9.0.128/25' });
  const drawn = await network(cloud, { Pool: '', Options: { 'berth.name': 'lan' } });
  const drawn6 = await network(cloud, { Pool: '', V6: true });
  const ipvlan = await network(cloud, { Pool: '10.2.0.0/24' }, 'berth-ipvlan');
  const gone = await network(cloud, { Pool: '10.3.0.0/24' });
  await ask(cloud, 'ReleasePool', { PoolID: gone.poolId });
  const released = shared.addresses.pop();
  await ask(cloud, 'ReleaseAddress', { PoolID: shared.poolId, Address: released });
  // After a lost answer, the host settles the call.
  host.proxy.program({ path: '/IpamDriver.RequestAddress', attempt: 1, fault: { kind: 'drop-after' } });
  const { Address } = await ask(cloud, 'RequestAddress', { PoolID: drawn.poolId, Address: '', Options: named('lost') });
  drawn.addresses.push(bare(String(Address)));
  host.proxy.program();
  // A call that is refused permanently is kept in the dead letters.
  await callPlugin(path.join(cloud.folder, HOST, 's/berth.sock'), 'IpamDriver.ReleaseAddress', DAMAGED);
  return [shared, ranged, drawn, drawn6, ipvlan];
}

async function network(cloud: LocalCloud, wish: object, driver = 'berth'): Promise<Network> {
  const whole = { AddressSpace: 'default', Pool: '', SubPool: '', Options: null, V6: false, ...wish };
  const { PoolID, Pool } = await ask(cloud, 'RequestPool', whole, driver);
  const poolId = String(PoolID);
  const address = async (options: object): Promise<string> =>
    bare(String((await ask(cloud, 'RequestAddress', { PoolID, Address: '', Options: options }, driver))['Address']));
  const gateway = await address(GATEWAY);
  const addresses = [await address(named('web')), await address(named('db'))];
  return { driver, poolId, pool: String(Pool), gateway, addresses };
}

async function ask(cloud: LocalCloud, method: string, body: object, driver = 'berth') {
  const { json } = await callPlugin(path.join(cloud.folder, HOST, 's', `${driver}.sock`), `IpamDriver.${method}`, body);
  if (json['Error'] !== undefined) throw new Error(`${method}: ${JSON.stringify(json)}`);
  return json;
}

/** Hosts in every state, and what they left. */
async function others(cloud: LocalCloud, host: FaultyHost): Promise<FaultyHost[]> {
  const ids = ['draining-1', 'dead-1', 'fenced-1'] as const;
  const started: FaultyHost[] = [];
  for (const id of ids) {
    const other = await FaultyHost.start(cloud, id);
    started.push(other);
    const dockerd = other.dockerd();
    const { poolId } = await dockerd.requestPool('10.1.0.0/24');
    await dockerd.requestAddress(poolId, '', named(id));
  }
  await operate(host, 'host', ['drain', 'draining-1']);
  for (const other of started) await other.killShim();
  await operate(host, 'host', ['dead', 'dead-1', '--override-lease', '--yes', '--why', 'it burns']);
  await eventually(async () => {
    const seen = await cloud.store.readHost('fenced-1');
    if (seen?.state === 'live') await cloud.store.writeHost({ ...seen, leaseUntil: 0 }, seen);
    const { refs } = await cloud.contents();
    return refs.some(({ state }) => state === 'dormant') && !refs.some(isLiveOf('dead-1'));
  });
  return started;
}

const isLiveOf =
  (id: string) =>
  ({ hostId, state }: Ref): boolean =>
    hostId === id && state !== 'gone';

/** The requests of a host when it compares Docker with the table. */
async function askOfTable({ folder }: LocalCloud, { proxy }: FaultyHost, [first]: readonly Network[]): Promise<void> {
  const cloud = new FunctionUrlClient(new Transport(), signers(undefined));
  const hosts = parseEndpoint(`unix:${path.join(folder, HOST, 'proxy/hosts.sock')}`);
  const { headers = {} } = proxy.passages.find(({ path: asked }) => asked === '/Berth.Settle') ?? {};
  const ours = Object.entries(headers).filter(([name]) => name.startsWith('berth-'));
  const send = (asked: string, message: object) =>
    cloud.ask(hosts, {
      question: 'own',
      path: asked,
      headers: Object.fromEntries(ours.map(([name, value]) => [name, String(value)])),
      body: Buffer.from(JSON.stringify(message)),
      timeout: 10_000,
    });
  const PoolID = first?.poolId;
  await send('/Berth.Networks', { After: null });
  await send('/Berth.Holdings', { PoolID, Addresses: [first?.addresses[0]] });
  await send('/Berth.Revive', { PoolID, Gateway: first?.gateway, Reserved: [], Held: [], Last: true });
}

/** The last calls of the shim: a release and a request that have not reached the cloud. */
async function fallInMidCall(host: FaultyHost, networks: readonly Network[]): Promise<void> {
  host.proxy.program({ fault: { kind: 'hang', carriedOut: false } });
  const [, ranged, drawn] = networks;
  if (ranged === undefined || drawn === undefined) throw new Error('there are no networks');
  const released = ranged.addresses.pop() ?? '';
  void host.dockerd([]).releaseAddress(ranged.poolId, released);
  void host.dockerd([]).requestAddress(drawn.poolId, '', named('begun'));
  await eventually(() => {
    const bodies = host.proxy.passages.filter(({ fault }) => fault === 'hang').map(({ path: asked }) => asked);
    return Promise.resolve(
      ['/IpamDriver.ReleaseAddress', '/IpamDriver.RequestAddress'].every((asked) => bodies.includes(asked)),
    );
  });
  await host.killShim();
  ranged.waiting = released;
}

/** One exchange of each kind: method and outcome. */
function exchangesOf(passages: readonly Passage[]): Exchange[] {
  const kinds = new Map<string, Exchange>();
  for (const { path: asked, headers, body, answer } of passages) {
    if (answer === undefined) continue;
    const refusal = answer.headers['berth-refusal'];
    const kind = `${asked} ${refusal ?? ''} ${/"(V6|Gateway)":true|gateway/.exec(body)?.[0] ?? ''}`;
    const ours = Object.entries(headers).filter(([name]) => name.startsWith('berth-'));
    // Whether a host has registered yet is random.
    if (kinds.has(kind) || refusal === 'host-unknown') continue;
    kinds.set(kind, {
      path: asked,
      headers: Object.fromEntries(ours.map(([name, value]) => [name, String(value)])),
      body,
      status: answer.status,
      answerHeaders: Object.fromEntries(
        Object.entries(answer.headers).filter(([name]) => name === 'content-type' || name === 'berth-refusal'),
      ),
      answer: answer.body.toString(),
    });
  }
  return [...kinds.values()];
}

await main(process.argv[2] ?? '');
