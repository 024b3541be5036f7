/**
 * Runs the tests of Docker's own allocator from moby's repository on Berth: through moby's remote driver, the plugin's
 * socket, the functions and the embedded engine. Networks ask for the behaviour of the built-in allocator: serial order,
 * no reserved gateway, no sharing, the shortest cool-down.
 */
import assert from 'node:assert/strict';
import { type ExecFileException, execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Berth, type Folders, startBerth, temporaryFolders } from '../../support/berth-process.ts';
import { limit, measureSlowness } from '../../support/deadlines.ts';
import { differences, leftOut } from './differences.ts';

const SCRIPT = path.join(import.meta.dirname, 'build.sh');
const DIVERGENCES = path.join(import.meta.dirname, '../../../docs/divergences.md');
/** ms */
const BUILD_TIMEOUT = 20 * 60_000;
const TEST_TIMEOUT = 120_000;

/** The program. It is built again when one of its sources has changed. */
function programFile(): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache');
  const key = createHash('sha256').update(readFileSync(SCRIPT));
  for (const file of globSync(path.join(import.meta.dirname, 'harness/*.go')).sort()) key.update(readFileSync(file));
  return path.join(cache, 'berth', 'moby', `ipam-${key.digest('hex').slice(0, 8)}.test`);
}

function whyNot(): string | false {
  const { status, stdout } = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8', env: toolEnv });
  if (status !== 0) return 'not installed here: go';
  const [, minor = '0'] = /^go1\.(\d+)/.exec(stdout) ?? [];
  return Number(minor) >= 21 ? false : `go is ${stdout.trim()}: 1.21 and later fetch what moby asks for`;
}

const toolEnv = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/local/go/bin` };

interface Outcome {
  readonly passed: boolean;
  readonly said: string;
}

function run(file: string, args: readonly string[], env: NodeJS.ProcessEnv, timeout: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const done = (error: ExecFileException | null, out: string, err: string): void => {
      resolve({ passed: error === null, said: `${out}${err}` });
    };
    execFile(file, args, { env, timeout, killSignal: 'SIGKILL', maxBuffer: 2 ** 28 }, done);
  });
}

/** Tests whose names differ only in a digit count as one, so they run one after another. */
const groupOf = (name: string): string => name.replace(/\d$/, '');

/** This test asks for sixteen thousand pools at once: settling what is left of them takes a while. */
const FLOOD = 'TestRequestPoolParallel';
const lastOfAll = (a: string, b: string): number => Number(a === FLOOD) - Number(b === FLOOD);

const skip = whyNot();
const program = programFile();
let names: readonly string[] = [];
if (skip === false) {
  const built = await run('sh', [SCRIPT, program], toolEnv, BUILD_TIMEOUT);
  assert.ok(built.passed, built.said);
  const listed = (await run(program, ['-test.list', '.'], process.env, 60_000)).said.match(/^Test\w+$/gm) ?? [];
  names = [...new Set(listed.map(groupOf))].filter((name) => !leftOut.has(name)).sort(lastOfAll);
  await measureSlowness();
}

describe("Docker's own tests of its allocator", { skip }, () => {
  let folders: Folders;
  let berth: Berth;

  before(async () => {
    folders = temporaryFolders();
    const { data, sockets } = folders;
    const noDocker = `unix://${path.join(data, 'no-docker.sock')}`;
    berth = await startBerth(['up', '--data', data, '--sockets', sockets, '--docker', noDocker, '--host-id', 'a']);
  });

  after(async () => {
    await berth.stop();
    folders.remove();
  });

  /** Each test has address spaces of its own. */
  const put = (name: string): Promise<Outcome> => {
    const env = {
      ...process.env,
      BERTH_SOCKET: path.join(folders.sockets, 'berth.sock'),
      BERTH_SPACE: `t${names.indexOf(name)}`,
    };
    const time = limit(TEST_TIMEOUT);
    const args = ['-test.v', '-test.parallel', '8', '-test.run', `^${name}\\d?$`];
    return run(program, [...args, '-test.timeout', `${Math.ceil(time / 1_000)}s`], env, time + 10_000);
  };

  for (const name of names) {
    const difference = differences.get(name);
    if (difference === undefined) {
      it(`pass: ${name}`, async () => {
        const { passed, said } = await put(name);
        assert.ok(passed, said.slice(-2_000));
        assert.doesNotMatch(said, /^\s*--- SKIP/m);
      });
    } else {
      it(`fail only as docs/divergences.md says: ${name}`, async () => {
        const { passed, said } = await put(name);
        assert.ok(!passed, 'it passes now: remove it from the list');
        assert.match(said, difference.says);
        assert.ok(readFileSync(DIVERGENCES, 'utf8').includes(`| ${difference.row} |`), difference.row);
      });
    }
  }

  it('fail only where the list says so', () => {
    const unknown = [...differences.keys()].filter((name) => !names.includes(name));
    assert.deepEqual(unknown, []);
  });
});
