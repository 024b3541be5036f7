/** No process outlives its purpose: neither the parts of `berth up`, however it ends, nor processes of tests. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { root } from '../../support/repository.ts';
import { limit, until } from '../../support/deadlines.ts';
import { type Mark, mark } from '../../support/processes-of.ts';
import { folders, socket, upArguments, useStage } from '../../support/stage.ts';

useStage();

/** The process ids of the parts of one kind. */
const numbersOf = (marked: Mark, kind: RegExp): number[] =>
  [...marked.bearers()].filter(([, words]) => kind.test(words)).map(([pid]) => pid);

const PARTS = {
  npm: /^npm /,
  berth: /shim\/main\.ts up /,
  cloud: /infra\/local\/cloud\.ts /,
  engine: /^\S*dynoxide serve /,
};
type Part = keyof typeof PARTS;

/** Sends a signal to several parts, one right after the other. */
function signal(marked: Mark, name: NodeJS.Signals, ...parts: readonly Part[]): void {
  for (const pid of parts.flatMap((part) => numbersOf(marked, PARTS[part]))) {
    try {
      process.kill(pid, name);
    } catch {
      // It has just ended.
    }
  }
}

async function end(marked: Mark): Promise<void> {
  const left = () => [...marked.bearers()].map(([pid, words]) => `${pid} ${words}`).join('\n');
  try {
    await until(
      () => marked.bearers().size === 0,
      () => `all have ended, but these live:\n${left()}`,
      { pause: 100 },
    );
  } finally {
    for (const pid of marked.bearers().keys()) process.kill(pid, 'SIGKILL');
  }
}

/** Resolves when the process has printed the word. */
function heard(child: ChildProcess, word: string): Promise<void> {
  let said = '';
  return new Promise((resolve, reject) => {
    const hear = (text: Buffer): void => {
      said += text.toString();
      if (said.includes(word)) resolve();
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('exit', (code) => {
      reject(new Error(`it ended with ${code ?? 'a signal'}: ${said}`));
    });
  });
}

const BOTH = ['berth', 'cloud'] as const;

interface End {
  readonly what: string;
  readonly act: (marked: Mark) => void;
  /** Ends that leave its parts time to clean up. */
  readonly isOrderly: boolean;
}

const ends: readonly End[] = [
  {
    what: 'SIGTERM to all of its parts at once',
    act: (marked) => {
      signal(marked, 'SIGTERM', 'npm', ...BOTH, 'engine');
    },
    isOrderly: true,
  },
  {
    what: 'SIGTERM to npm, itself and its cloud at once',
    act: (marked) => {
      signal(marked, 'SIGTERM', 'npm', ...BOTH);
    },
    isOrderly: true,
  },
  {
    what: 'SIGINT to npm and itself at once, as from a terminal',
    act: (marked) => {
      signal(marked, 'SIGINT', 'npm', 'berth');
    },
    isOrderly: true,
  },
  {
    what: 'SIGTERM to itself and its cloud, twice',
    act: (marked) => {
      signal(marked, 'SIGTERM', ...BOTH);
      signal(marked, 'SIGTERM', ...BOTH);
    },
    isOrderly: true,
  },
  {
    what: 'SIGKILL to npm and itself',
    act: (marked) => {
      signal(marked, 'SIGKILL', 'npm', 'berth');
    },
    isOrderly: false,
  },
  {
    what: 'SIGKILL to its cloud',
    act: (marked) => {
      signal(marked, 'SIGKILL', 'cloud');
    },
    isOrderly: false,
  },
  {
    what: 'SIGKILL to all but the engine',
    act: (marked) => {
      signal(marked, 'SIGKILL', 'npm', ...BOTH);
    },
    isOrderly: false,
  },
];

/** Files that each part removes when it ends in an orderly way. */
const traces = (): string[] => [
  socket(),
  ...['capabilities.sock', 'engine.pid'].map((name) => path.join(folders.data, 'cloud', name)),
];

describe('berth up, started by npm', { timeout: limit(240_000) }, () => {
  for (const { what, act, isOrderly } of ends) {
    it(`leaves no process behind after ${what}`, async () => {
      const marked = mark();
      const npm = spawn('npm', ['start', '--', ...upArguments(folders).slice(1)], {
        cwd: root,
        env: { ...process.env, ...marked.environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      try {
        await heard(npm, 'docker network create');
        for (const part of ['berth', 'cloud', 'engine'] as const)
          assert.equal(numbersOf(marked, PARTS[part]).length, 1, part);
        assert.deepEqual(
          traces().filter((file) => !existsSync(file)),
          [],
        );
        act(marked);
      } finally {
        await end(marked);
      }
      if (isOrderly)
        assert.deepEqual(
          traces().filter((file) => existsSync(file)),
          [],
        );
    });
  }
});

/** A test that starts typical processes. */
const INTERRUPTED = `
  const { mkdirSync } = await import('node:fs');
  const { LocalCloud } = await import(process.argv[1] + '/support/local-cloud.ts');
  const { startBerth, temporaryFolders } = await import(process.argv[1] + '/support/berth-process.ts');
  const { upArguments } = await import(process.argv[1] + '/support/stage.ts');
  const { FaultyHost } = await import(process.argv[1] + '/system/faults/host.ts');
  mkdirSync(process.argv[2]);
  await FaultyHost.start(await LocalCloud.start({ folder: process.argv[2] }), 'host');
  await startBerth(upArguments({ data: process.argv[2] + '/up', sockets: process.argv[2] + '/s' }));
  console.log('interrupt me');
  setInterval(() => undefined, 1_000);`;

describe('a test that is interrupted', { timeout: limit(120_000) }, () => {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
    it(`leaves no process behind after ${name}`, async () => {
      const marked = mark();
      const words = ['--input-type=module', '-e', INTERRUPTED, path.join(root, 'test'), folders.data];
      const test = spawn(process.execPath, words, {
        env: { ...process.env, ...marked.environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      try {
        await heard(test, 'interrupt me');
        assert.ok(marked.bearers().size >= 6, [...marked.bearers().values()].join('\n'));
        const ended = once(test, 'exit');
        test.kill(name);
        await ended;
      } finally {
        await end(marked);
      }
    });
  }
});
