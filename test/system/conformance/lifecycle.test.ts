/** The life of `berth up`: start, restart, crash, two instances at once, and what it prints in each case. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { startEngine } from '../../../infra/local/engine.ts';
import { runBerth, startBerth, temporaryFolders } from '../../support/berth-process.ts';
import { until } from '../../support/deadlines.ts';
import { send } from '../../support/http.ts';
import { folders, requestAddress, requestPool, socket, up, upArguments, useStage } from '../../support/stage.ts';

useStage();

const enginePid = (): number => Number(readFileSync(path.join(folders.data, 'cloud/engine.pid'), 'utf8'));
const isRunning = (pid: number): boolean => existsSync(`/proc/${pid}`);

const gone = (pid: number): Promise<void> => until(() => !isRunning(pid), `process ${pid} has ended`);

describe('berth up', () => {
  it('prints when it is ready, where its sockets are, and what to try', async () => {
    const { stdout } = await up();
    assert.match(stdout, /^Berth is ready\.$/m);
    assert.ok(stdout.includes(socket()));
    assert.match(stdout, /host +a$/m);
    assert.match(stdout, /docker network create --ipam-driver berth demo$/m);
  });

  it('opens its sockets and its data to no other user', async () => {
    await up();
    const mode = (file: string): string => (statSync(file).mode & 0o777).toString(8);
    assert.equal(mode(socket()), '600');
    assert.equal(mode(path.join(folders.sockets, 'berth-ipvlan.sock')), '600');
    assert.equal(mode(folders.data), '700');
  });

  it('ends all its processes and removes its sockets', async () => {
    const berth = await up();
    const pid = enginePid();
    assert.ok(isRunning(pid));
    assert.equal(await berth.stop(), 0);
    assert.equal(isRunning(pid), false);
    assert.equal(existsSync(socket()), false);
    assert.equal(existsSync(path.join(folders.data, 'cloud/capabilities.sock')), false);
  });

  it('keeps pools and addresses over a restart', async () => {
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

  it('loses nothing when it is killed, and cleans up at its next start', async () => {
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

  it('does not start a second time on the same data, and does no harm', async () => {
    await up();
    const { PoolID } = await requestPool('10.1.0.0/24');
    const second = await runBerth(upArguments(folders));
    assert.equal(second.code, 1);
    assert.match(
      second.err,
      /^berth: Berth is already running with the data in .*; stop it first, or choose another folder with --data$/m,
    );
    const elsewhere = temporaryFolders();
    try {
      const third = await runBerth(upArguments({ ...elsewhere, sockets: folders.sockets }));
      assert.equal(third.code, 1);
      assert.match(third.err, /berth: another program serves .*berth\.sock; stop it first/);
    } finally {
      elsewhere.remove();
    }
    assert.equal(await requestAddress(PoolID, '10.1.0.9'), '10.1.0.9/24');
  });

  it('answers dockerd with an error, and ends, when its cloud has died', async () => {
    const berth = await up();
    const ended = new Promise((resolve) => berth.process.once('exit', resolve));
    process.kill(enginePid(), 'SIGKILL');
    assert.equal(await ended, 1);
    assert.match(berth.log(), /berth: the embedded cloud has ended/);
    assert.equal(existsSync(socket()), false);
  });

  it('can keep its table in another DynamoDB-compatible endpoint, which it does not stop', async () => {
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
    it(`reports that there is no DynamoDB at ${url}`, async () => {
      const { code, err } = await runBerth([...upArguments(folders), '--dynamodb', url]);
      assert.equal(code, 1);
      assert.ok(err.includes(`berth: no table is available at ${url}: `), err);
      assert.doesNotMatch(err, /\n {4}at /);
    });
  }

  it('keeps its host id, and refuses a different one', async () => {
    await (await up()).stop();
    const other = await runBerth([...upArguments(folders).slice(0, -1), 'b']);
    assert.equal(other.code, 1);
    assert.match(
      other.err,
      /berth: the data in .* belong to host a, not to b: leave out --host-id, or choose another --data/,
    );
  });
});

describe('a function of the embedded cloud', () => {
  const post = async (name: string, headers: Record<string, string>): Promise<string> => {
    const socketPath = path.join(folders.data, `cloud/${name}.sock`);
    const answer = await send({ socketPath, path: '/IpamDriver.RequestPool', headers }, '{"AddressSpace":"default"}');
    return `${answer.status} ${answer.body.toString()}`;
  };

  it('accepts only requests of a shim', async () => {
    await up();
    assert.equal(await post('pools', {}), '403 {"Message":"Forbidden"}');
    const forged = {
      authorization: 'AWS4-HMAC-SHA256 Credential=a/20260101/local/lambda/aws4_request',
      host: 'localhost',
    };
    assert.match(await post('pools', forged), /^403 /);
  });
});
