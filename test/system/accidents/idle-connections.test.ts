/** Programs that connect to the plugin's socket and send nothing, on a host where Berth may open few files. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { type Socket, connect } from 'node:net';
import { describe, it } from 'node:test';
import { mostConnections } from '../../../shim/plugin/open-files.ts';
import { type Spawn, startBerth } from '../../support/berth-process.ts';
import { folders, eventually, ipam, requestPool, running, socket, upArguments, useStage } from '../../support/stage.ts';

const FILES = 64;
const IDLE = 300;

const withFewFiles: Spawn = (command, args) =>
  spawn('sh', ['-c', `ulimit -n ${FILES}; exec "$0" "$@"`, command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });

/** @returns the connection once it is open. It is added to a list. */
const openIdle = (open: Socket[]): Promise<void> =>
  new Promise((resolve) => {
    const idle = connect(socket());
    open.push(idle);
    idle.once('connect', resolve);
    idle.once('error', () => {
      resolve();
    });
  });

describe('a shim with more idle connections than files that it may open', () => {
  useStage();

  it('answers calls once there are fewer of them, and has logged the cause', async () => {
    const berth = await startBerth(upArguments(folders), withFewFiles);
    running.push(berth);
    const idle: Socket[] = [];
    await Promise.all(Array.from({ length: IDLE }, () => openIdle(idle)));
    await eventually(() => Promise.resolve(berth.log().includes('connections to the plugin')));
    assert.match(berth.log(), /16 are open, a quarter of the files that Berth may open/);
    for (const one of idle.slice(0, IDLE)) one.destroy();
    await eventually(
      async () =>
        await requestPool('10.1.0.0/24').then(
          ({ PoolID }) => typeof PoolID === 'string',
          () => false,
        ),
    );
  });

  it('continues to answer on a connection that was opened before them', async () => {
    const berth = await startBerth(upArguments(folders), withFewFiles);
    running.push(berth);
    const { PoolID } = await requestPool('10.1.0.0/24');
    const idle: Socket[] = [];
    // Two connections stay free.
    await Promise.all(
      Array.from({ length: (mostConnections(`Max open files ${FILES}`) ?? 0) - 2 }, () => openIdle(idle)),
    );
    const answers = await Promise.all([1, 2].map(() => ipam('RequestAddress', { PoolID, Address: '', Options: {} })));
    for (const answer of answers) assert.equal(answer['Error'], undefined);
    for (const one of idle) one.destroy();
  });
});

describe('the limit of connections on a socket', () => {
  it('is a quarter of the files that the process may open', () => {
    assert.equal(
      mostConnections(
        'Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 4096                 files',
      ),
      256,
    );
    assert.equal(mostConnections('Max open files            2   4   files'), 1);
  });

  it('is unlimited where the system does not report a limit or does not set one', () => {
    assert.equal(mostConnections(''), undefined);
    assert.equal(
      mostConnections('Max open files            unlimited            unlimited            files'),
      undefined,
    );
  });
});
