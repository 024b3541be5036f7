import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { callPlugin, PROGRAM } from '../../support/berth-process.ts';
import { endingWithUs } from '../../support/ending-with-us.ts';
import { TIMEOUT } from './outbox-stage.ts';
import { temporaryFolder } from './temporary.ts';

/** Fails every write, like a file on a full disk. */
const FULL = '/dev/full';

it(
  'dockerd gets its answers even if the log cannot be written',
  { skip: !existsSync(FULL), timeout: TIMEOUT },
  async (t) => {
    const folder = await temporaryFolder(t);
    const full = openSync(FULL, 'w');
    const args = ['shim', '--data', folder, '--sockets', folder, '--host-id', 'a', '--endpoint', 'unix:/nowhere'];
    const child = spawn(...endingWithUs(process.execPath, [PROGRAM, ...args, '--deadline', '1']), {
      stdio: ['ignore', 'pipe', full],
    });
    closeSync(full);
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    t.after(() => child.kill('SIGKILL'));
    const ready = new Promise((resolve) => child.stdout?.once('data', resolve));
    assert.notEqual(typeof (await Promise.race([ready, ended])), 'number', 'it has started');
    for (let i = 0; i < 3; i++) {
      const { json } = await callPlugin(path.join(folder, 'berth.sock'), 'IpamDriver.RequestPool', { Pool: '' });
      assert.match(String(json['Error']), /^Berth's functions are not known yet/);
    }
    child.kill('SIGTERM');
    assert.equal(await ended, 0);
  },
);
