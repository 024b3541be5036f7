/** Berth's own life: start, restart, crash, two at once, and what it says of each. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startEngine } from '../../infra/local/engine.ts';
import {
  type Berth,
  type Folders,
  callPlugin,
  runBerth,
  startBerth,
  temporaryFolders,
} from '../support/berth-process.ts';

const MAC = { 'com.docker.network.endpoint.macaddress': '02:42:ac:11:00:02' };

let folders: Folders;
let running: Berth[];

beforeEach(() => {
  folders = temporaryFolders();
  running = [];
});

afterEach(async () => {
  for (const berth of running.reverse()) await berth.stop();
  folders.remove();
});

const upArguments = ({ data, sockets }: Folders): string[] => [
  'up',
  '--data',
  data,
  '--sockets',
  sockets,
  '--host-id',
  'a',
];

async function up(): Promise<Berth> {
  const berth = await startBerth(upArguments(folders));
  running.push(berth);
  return berth;
}

const socket = (sockets = folders.sockets): string => path.join(sockets, 'berth.sock');

async function ipam(method: string, body: object, at = socket()): Promise<Readonly<Record<string, unknown>>> {
  return (await callPlugin(at, `IpamDriver.${method}`, body)).json;
}

const requestPool = (Pool: string, at = socket()) =>
  ipam('RequestPool', { AddressSpace: 'default', Pool, SubPool: '', Options: null, V6: false }, at);
const requestAddress = async (PoolID: unknown, Address: string, at = socket()): Promise<unknown> => {
  const answer = await ipam('RequestAddress', { PoolID, Address, Options: MAC }, at);
  return answer['Address'] ?? answer['Error'];
};

const enginePid = (): number => Number(readFileSync(path.join(folders.data, 'cloud/engine.pid'), 'utf8'));
const isRunning = (pid: number): boolean => existsSync(`/proc/${pid}`);

async function gone(pid: number): Promise<void> {
  for (let tries = 0; tries < 200 && isRunning(pid); tries++) await delay(25);
  assert.equal(isRunning(pid), false, `process ${pid} still runs`);
}

describe('berth up', () => {
  it('says when it is ready, where its sockets are, and what to try', async () => {
    const { stdout } = await up();
    assert.match(stdout, /^Berth is ready\.$/m);
    assert.ok(stdout.includes(socket()));
    assert.match(stdout, /host +a$/m);
    assert.match(stdout, /docker network create --ipam-driver berth demo$/m);
  });

  it('opens its sockets and its data to nobody else', async () => {
    await up();
    const mode = (file: string): string => (statSync(file).mode & 0o777).toString(8);
    assert.equal(mode(socket()), '600');
    assert.equal(mode(path.join(folders.sockets, 'berth-ipvlan.sock')), '600');
    assert.equal(mode(folders.data), '700');
  });

  it('ends all that it started, and takes its sockets away', async () => {
    const berth = await up();
    const pid = enginePid();
    assert.ok(isRunning(pid));
    assert.equal(await berth.stop(), 0);
    assert.equal(isRunning(pid), false);
    assert.equal(existsSync(socket()), false);
    assert.equal(existsSync(path.join(folders.data, 'cloud/capabilities.sock')), false);
  });

  it('goes on with what was held when it starts again', async () => {
    const first = await up();
    const { PoolID } = await requestPool('10.1.0.0/24');
    assert.equal(await requestAddress(PoolID, '10.1.0.9'), '10.1.0.9/24');
    await first.stop();
    await up();
    assert.match(
      String(await requestAddress(PoolID, '10.1.0.9')),
      /^Address already in use: 10.1.0.9 is held by .* host a/,
    );
    assert.equal(await requestAddress(PoolID, '10.1.0.10'), '10.1.0.10/24');
  });

  it('loses nothing when it is killed, and clears away what it left behind', async () => {
    const first = await up();
    const { PoolID } = await requestPool('10.1.0.0/24');
    assert.equal(await requestAddress(PoolID, '10.1.0.9'), '10.1.0.9/24');
    const pid = enginePid();
    await first.stop('SIGKILL');
    await up();
    await gone(pid);
    assert.match(String(await requestAddress(PoolID, '10.1.0.9')), /^Address already in use/);
    assert.equal(await requestAddress(PoolID, '10.1.0.10'), '10.1.0.10/24');
  });

  it('does not start beside itself, and harms nothing', async () => {
    await up();
    const { PoolID } = await requestPool('10.1.0.0/24');
    const second = await runBerth(upArguments(folders));
    assert.equal(second.code, 1);
    assert.match(
      second.err,
      /^berth: Berth runs already with the data in .*: stop it first, or choose another folder with --data$/m,
    );
    const elsewhere = temporaryFolders();
    try {
      const third = await runBerth(upArguments({ ...elsewhere, sockets: folders.sockets }));
      assert.equal(third.code, 1);
      assert.match(third.err, /berth: another program serves .*berth\.sock: stop it first/);
    } finally {
      elsewhere.remove();
    }
    assert.equal(await requestAddress(PoolID, '10.1.0.9'), '10.1.0.9/24');
  });

  it('tells dockerd, and ends, when its cloud has died', async () => {
    const berth = await up();
    const ended = new Promise((resolve) => berth.process.once('exit', resolve));
    process.kill(enginePid(), 'SIGKILL');
    assert.equal(await ended, 1);
    assert.match(berth.log(), /berth: the embedded cloud has ended/);
    assert.equal(existsSync(socket()), false);
  });

  it('keeps its table in another DynamoDB-compatible endpoint when told so, and leaves that alone', async () => {
    const engine = await startEngine(undefined);
    try {
      const berth = await startBerth([...upArguments(folders), '--dynamodb', engine.url]);
      assert.match(String((await requestPool('10.1.0.0/24'))['Pool']), /^10\.1\.0\.0\/24$/);
      assert.equal(existsSync(path.join(folders.data, 'cloud/table.db')), false);
      await berth.stop();
      assert.equal(engine.process.exitCode, null);
    } finally {
      await engine.stop();
    }
  });

  for (const url of ['http://127.0.0.1:1', 'nonsense']) {
    it(`says so when there is no DynamoDB at ${url}`, async () => {
      const { code, err } = await runBerth([...upArguments(folders), '--dynamodb', url]);
      assert.equal(code, 1);
      assert.ok(err.includes(`berth: there is no table to be had at ${url}: `), err);
      assert.doesNotMatch(err, /\n {4}at /);
    });
  }

  it('keeps its host id, and refuses another one', async () => {
    await (await up()).stop();
    const other = await runBerth([...upArguments(folders).slice(0, -1), 'b']);
    assert.equal(other.code, 1);
    assert.match(
      other.err,
      /berth: the data in .* belong to host a, not to b: leave out --host-id, or choose another --data/,
    );
  });
});

describe('berth shim', () => {
  const endpoint = (): string => `unix:${path.join(folders.data, 'cloud/capabilities.sock')}`;

  async function shim(id: string): Promise<string> {
    const [data, sockets] = [path.join(folders.data, `../${id}`), path.join(folders.data, `../${id}.s`)];
    const berth = await startBerth([
      'shim',
      '--data',
      data,
      '--sockets',
      sockets,
      '--host-id',
      id,
      '--endpoint',
      endpoint(),
    ]);
    running.push(berth);
    return socket(sockets);
  }

  it('makes a second host of the same fleet: one subnet, one gateway, no address twice', async () => {
    await up();
    const other = await shim('b');
    const [mine, theirs] = [await requestPool('10.1.0.0/28'), await requestPool('10.1.0.0/28', other)];
    const gateway = { Address: '', Options: { RequestAddressType: 'com.docker.network.gateway' } };
    const gateways = [
      await ipam('RequestAddress', { ...gateway, PoolID: mine['PoolID'] }),
      await ipam('RequestAddress', { ...gateway, PoolID: theirs['PoolID'] }, other),
    ];
    assert.deepEqual(
      gateways.map(({ Address }) => Address),
      ['10.1.0.1/28', '10.1.0.1/28'],
    );
    const asked = Array.from({ length: 13 }, (_, i) =>
      i % 2 === 0 ? requestAddress(mine['PoolID'], '') : requestAddress(theirs['PoolID'], '', other),
    );
    const got = await Promise.all(asked);
    assert.equal(new Set(got).size, 13);
    assert.ok(got.every((address) => String(address).endsWith('/28')));
    assert.match(String(await requestAddress(mine['PoolID'], '')), /^no available addresses on this pool/);
  });

  it("refuses another host's PoolID", async () => {
    await up();
    const other = await shim('b');
    const { PoolID } = await requestPool('10.1.0.0/24');
    const words = /^invalid pool id: the network 10.1.0.0\/24 \(\w+\) belongs to another host than b$/;
    assert.match(String(await requestAddress(PoolID, '', other)), words);
    assert.match(String((await ipam('ReleasePool', { PoolID }, other))['Error']), words);
    assert.match(String(await requestAddress(PoolID, '')), /^10\.1\.0\.\d+\/24$/);
  });

  it('answers with a clear error while the cloud is away, and goes on when it is back', async () => {
    const cloud = await up();
    const other = await shim('b');
    const { PoolID } = await requestPool('10.1.0.0/24', other);
    await cloud.stop();
    const words = /^Berth's functions cannot be reached at unix:.*addresses\.sock: connect ENOENT/;
    assert.match(String(await requestAddress(PoolID, '', other)), words);
    assert.deepEqual((await callPlugin(other, 'IpamDriver.GetCapabilities')).json, {
      RequiresMACAddress: true,
      RequiresRequestReplay: false,
    });
    await up();
    assert.match(String(await requestAddress(PoolID, '', other)), /^10\.1\.0\.\d+\/24$/);
  });

  it('starts on what an earlier start has learnt when the cloud is away', async () => {
    const cloud = await up();
    await shim('b');
    await running.pop()?.stop();
    await cloud.stop();
    const other = await shim('b');
    const { json } = await callPlugin(other, 'IpamDriver.GetDefaultAddressSpaces');
    assert.equal(json['LocalDefaultAddressSpace'], 'default');
    assert.match(running.at(-1)?.log() ?? '', /its answer of an earlier start serves/);
  });

  it('takes over a socket that a killed shim left behind', async () => {
    await up();
    await shim('b');
    await running.pop()?.stop('SIGKILL');
    const other = await shim('b');
    assert.match(String((await requestPool('', other))['Pool']), /^10\./);
  });

  const mistakes = [
    [['--endpoint', 'http://10.0.0.1/'], /bad endpoint "http:\/\/10.0.0.1\/": give https:/],
    [
      ['--endpoint', 'unix:/nowhere.sock'],
      /the capabilities function does not answer at unix:\/nowhere.sock: connect ENOENT/,
    ],
    [['--endpoint', 'unix:/x', '--space', 'a b'], /bad space "a b": letters, digits/],
    [['--endpoint', 'unix:/x', '--host-id', '-'], /bad host id "-"/],
    [[], /required option '--endpoint <url>' not specified/],
  ] as const;
  for (const [args, words] of mistakes) {
    it(`says what is wrong with ${args.join(' ') || 'no arguments'}`, async () => {
      const { data, sockets } = folders;
      const { code, err } = await runBerth(['shim', '--data', data, '--sockets', sockets, ...args]);
      assert.equal(code, 1);
      assert.match(err, words);
      assert.doesNotMatch(err, /\n {4}at /);
      assert.equal(existsSync(socket()), false);
    });
  }

  it('says so when a file is in the way of a socket', async () => {
    await up();
    await running.pop()?.stop();
    writeFileSync(socket(), '');
    const { code, err } = await runBerth(upArguments(folders));
    assert.equal(code, 1);
    assert.match(err, /berth\.sock is in the way: it is no socket/);
  });
});

describe('a function of the embedded cloud', () => {
  const post = (name: string, headers: Record<string, string>, url = '/IpamDriver.RequestPool'): Promise<string> =>
    new Promise((resolve, reject) => {
      const socketPath = path.join(folders.data, `cloud/${name}.sock`);
      const call = request({ socketPath, path: url, method: 'POST', headers }, (response) => {
        let text = `${response.statusCode ?? 0} `;
        response.on('data', (part: Buffer) => (text += part.toString()));
        response.once('end', () => {
          resolve(text);
        });
      });
      call.once('error', reject);
      call.end('{"AddressSpace":"default"}');
    });

  it('takes requests of a shim alone', async () => {
    await up();
    assert.match(await post('pools', {}), /^200 {"Error":"the header of the request is malformed: berth-host/);
    assert.match(await post('pools', {}, '/IpamDriver.RequestAddress'), /^404 /);
  });
});
