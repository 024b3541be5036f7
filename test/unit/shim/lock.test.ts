import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type TestContext, describe, it } from 'node:test';
import { lockFolder } from '../../../shim/lock.ts';
import { UserError } from '../../../shim/user-error.ts';
import { temporaryFolder } from './temporary.ts';

type Process = ChildProcessByStdio<Writable, Readable, Readable>;

/** Starts a process that tries to lock a folder. */
function start(t: TestContext, folder: string): Process {
  const holder = path.join(import.meta.dirname, 'hold-lock.ts');
  const child = spawn(process.execPath, [holder, folder], { stdio: ['pipe', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

/** Another process that holds the lock of a folder. */
async function holderOf(t: TestContext, folder: string): Promise<Process> {
  const child = start(t, folder);
  const said: unknown[] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  assert.equal(String(said[0]), 'locked\n');
  return child;
}

async function end(child: Process, how: () => unknown): Promise<void> {
  const exit = once(child, 'exit');
  how();
  await exit;
}

/** Another process cannot take the lock. @returns its exit code. */
async function isRefusedToAnother(t: TestContext, folder: string): Promise<number | null> {
  const child = start(t, folder);
  child.stdin.end();
  const [said, why] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  assert.equal(said, '');
  assert.match(why, /Berth is already running with the data in /);
  return child.exitCode;
}

const refused = (folder: string): void => {
  assert.throws(() => lockFolder(folder), {
    constructor: UserError,
    message: `Berth is already running with the data in ${folder}; stop it first, or choose another folder with --data`,
  });
};

describe('the lock of a folder', () => {
  it('can be taken repeatedly, one holder after the other', async (t) => {
    const folder = await temporaryFolder(t);
    for (let time = 0; time < 3; time++) lockFolder(folder).close();
  });

  it('is refused with a clear error while another process holds it', async (t) => {
    const folder = await temporaryFolder(t);
    await holderOf(t, folder);
    refused(folder);
  });

  it('is refused with another error when its file or folder is unusable', async (t) => {
    const folder = await temporaryFolder(t, { 'lock.db': 'garbage '.repeat(200) });
    const file = path.join(folder, 'lock.db');
    assert.throws(() => lockFolder(folder), {
      constructor: UserError,
      message: `cannot lock ${file}: file is not a database`,
    });
    assert.throws(() => lockFolder(path.join(folder, 'none')), { constructor: UserError, message: /^cannot lock / });
  });

  it('is refused to another process while this one holds it', async (t) => {
    const folder = await temporaryFolder(t);
    const lock = lockFolder(folder);
    assert.notEqual(await isRefusedToAnother(t, folder), 0);
    lock.close();
  });

  it('stays with its holder, however often others are refused', async (t) => {
    const folder = await temporaryFolder(t);
    const lock = lockFolder(folder);
    // Closing any descriptor of a file ends all fcntl locks of the process on it: this must not happen to our lock.
    refused(folder);
    refused(folder);
    await isRefusedToAnother(t, folder);
    lock.close();
  });

  it('is free after its holder has ended', async (t) => {
    const folder = await temporaryFolder(t);
    const holder = await holderOf(t, folder);
    await end(holder, () => holder.stdin.end());
    lockFolder(folder).close();
  });

  it('is free after its holder was killed, without a cleanup', async (t) => {
    const folder = await temporaryFolder(t);
    const holder = await holderOf(t, folder);
    await end(holder, () => holder.kill('SIGKILL'));
    lockFolder(folder).close();
    await holderOf(t, folder);
    refused(folder);
  });

  it('of one folder does not lock another', async (t) => {
    const [one, other] = [await temporaryFolder(t), await temporaryFolder(t)];
    await holderOf(t, one);
    lockFolder(other).close();
  });
});
