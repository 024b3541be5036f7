import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, describe, it } from 'node:test';
import type { Entry } from '../../../../shim/journal/journal.ts';
import { endingWithUs } from '../../../support/ending-with-us.ts';
import { temporaryFolder } from '../temporary.ts';
import { openJournal, quickDisk, sampleCall } from './samples.ts';

const ROUNDS = 25;
const NUMBERS_A_ROUND = 1_000_000;

/** The states a call may be found in, by the last thing its process printed about it. */
const FOUND: Readonly<Record<string, readonly string[]>> = {
  begun: ['settle nothing'],
  ending: ['settle nothing', 'settle 10.0.0.1', 'none'],
  settling: ['settle 10.0.0.1'],
  released: ['release'],
  confirming: ['release', 'settle 10.0.0.1', 'none'],
  over: ['none'],
};

const stateOf = (entry: Entry | undefined): string => {
  if (entry === undefined) return 'none';
  return entry.kind === 'settle' ? `settle ${entry.keep ?? 'nothing'}` : entry.kind;
};

/** Lets a process work and kills it after it has printed the given amount. @returns all that it printed. */
async function workAndKill(t: TestContext, folder: string, first: number, patience: number): Promise<string[]> {
  const writer = path.join(import.meta.dirname, 'writer.ts');
  const child = spawn(...endingWithUs(process.execPath, [writer, folder, String(first)]), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  const said: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    said.push(line);
    if (said.length === patience) child.kill('SIGKILL');
  }
  assert.deepEqual(await ended, [null, 'SIGKILL']);
  return said;
}

describe('a process that is killed', () => {
  it(`leaves in the journal all that was reported as written (${ROUNDS} rounds)`, async (t) => {
    const folder = await temporaryFolder(t);
    const last = new Map<number, string>();
    let opens = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const said = await workAndKill(t, folder, round * NUMBERS_A_ROUND, randomInt(1, 400));
      for (const line of said) {
        const [word = '', number = ''] = line.split(' ');
        assert.ok(word in FOUND, line);
        last.set(Number(number), word);
      }
      opens += check(folder, last);
    }
    t.diagnostic(`${last.size} calls, ${opens} entries found open in all`);
    assert.ok(last.size > ROUNDS);
  });

  function check(folder: string, last: Map<number, string>): number {
    const { journal, warnings } = openJournal(folder, { disk: quickDisk });
    for (const [n, word] of last) {
      const state = stateOf(journal.find(sampleCall(n).key));
      assert.ok(FOUND[word]?.includes(state), `call ${n} was ${word}, and is found as: ${state}`);
    }
    // What a killed process leaves is complete, or torn at the end.
    for (const warning of warnings) assert.match(warning, /was torn/);
    return journal.stats.depth;
  }
});
