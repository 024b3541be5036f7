import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Entry, Journal } from '../../../../shim/journal/journal.ts';
import { temporaryFolder } from '../temporary.ts';
import { PowerLossDisk, watchedDisk } from './disks.ts';
import {
  type Command,
  expectedAfter,
  expectedAfterStart,
  history,
  openJournal,
  quickDisk,
  run,
  sampleCall,
} from './samples.ts';

const n = fc.integer({ min: 1, max: 6 });
const plain = fc.record({
  kind: fc.constantFrom('begin', 'begin', 'release', 'release', 'keepNothing', 'done', 'done', 'deadLetter'),
  n,
});
const result = fc.record({
  kind: fc.constant('result'),
  n,
  keep: fc.constantFrom(undefined, '10.0.0.1', ''),
  settle: fc.boolean(),
});
const command: fc.Arbitrary<Command> = fc.oneof({ arbitrary: plain, weight: 3 }, result);
/** Small files are rewritten every few commands. */
const compactAt = fc.constantFrom(0, 300, 2_000, 1_000_000);

/** Counts folders, so that each run of a property has its own. */
function folders(base: string): () => string {
  let count = 0;
  return () => {
    const folder = path.join(base, String(count++));
    mkdirSync(folder);
    return folder;
  };
}

describe('the journal holds', () => {
  it('what a list would hold, however often it is reopened', async (t) => {
    const next = folders(await temporaryFolder(t));
    const steps = fc.array(fc.oneof({ arbitrary: command, weight: 6 }, fc.constantFrom('reopen', 'abandon')), {
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(steps, compactAt, async (commands, size) => {
        const options = { disk: quickDisk, compactAt: size };
        const folder = next();
        let { journal } = openJournal(folder, options);
        let expected: readonly Entry[] = [];
        for (const step of commands) {
          if (step === 'reopen' || step === 'abandon') {
            if (step === 'reopen') await journal.close();
            const opened = openJournal(folder, options);
            assert.deepEqual(opened.warnings, []);
            journal = opened.journal;
            expected = expectedAfterStart(expected);
          } else expected = await runBoth(journal, expected, step);
          assert.deepEqual(journal.entries(), expected);
          assert.equal(journal.stats.depth, expected.length);
          assert.equal(journal.stats.bytes === 0, expected.length === 0);
        }
        await journal.close();
      }),
      { numRuns: 150 },
    );
  });

  async function runBoth(journal: Journal, before: readonly Entry[], step: Command): Promise<readonly Entry[]> {
    const after = expectedAfter(before, step);
    if (after === undefined) await assert.rejects(run(journal, step), /is in the journal already/);
    else await run(journal, step);
    return after ?? before;
  }

  it('all commands before the disk operation at which it was killed, with or without the current one', async (t) => {
    const next = folders(await temporaryFolder(t));
    for (const size of [0, 400, 1_000_000]) {
      let survived = false;
      for (let fatal = 1; !survived; fatal++) {
        const folder = next();
        survived = await killedAt(folder, fatal, size);
        assert.ok(fatal < 400, 'the history does not end');
      }
    }
  });

  /** @returns whether the history was over before that operation. */
  async function killedAt(folder: string, fatal: number, size: number): Promise<boolean> {
    let operations = 0;
    const disk = watchedDisk(() => {
      if (++operations >= fatal) throw new Error('killed');
    });
    const { journal } = openJournal(folder, { disk, compactAt: size });
    let [before, after]: (readonly Entry[])[] = [[], []];
    for (const step of history) {
      if (operations >= fatal) break;
      before = after ?? [];
      after = expectedAfter(before, step);
      await run(journal, step).catch(() => undefined);
    }
    const { entries } = held(folder);
    const allowed = [before, after].map((open) => expectedAfterStart(open ?? []));
    assert.ok(
      allowed.some((open) => JSON.stringify(open) === JSON.stringify(entries)),
      `killed at operation ${fatal}: ${JSON.stringify(entries)} is neither of ${JSON.stringify(allowed)}`,
    );
    await journal.close();
    return operations < fatal;
  }

  const held = (folder: string): { entries: Entry[] } => ({
    entries: openJournal(folder, { disk: quickDisk }).journal.entries(),
  });
});

describe('a release that was reported as on the disk', () => {
  const release = fc.record({ kind: fc.constant('release'), awaits: fc.boolean() });
  const begin = fc.record({ kind: fc.constant('begin'), ends: fc.boolean() });
  const killed = fc.record({ kind: fc.constant('kill') });
  const turn = fc.record({ kind: fc.constant('turn') });
  const loss = fc.record({
    kind: fc.constant('loss'),
    portion: fc.constantFrom(0, 0.3, 0.99, 1),
    keepsNames: fc.boolean(),
  });

  it('survives any loss of power', async (t) => {
    const next = folders(await temporaryFolder(t));
    const steps = fc.array(
      fc.oneof({ arbitrary: release, weight: 4 }, { arbitrary: begin, weight: 3 }, turn, killed, loss),
      {
        maxLength: 30,
      },
    );
    await fc.assert(
      fc.asyncProperty(steps, compactAt, async (commands, size) => {
        const folder = next();
        const onDisk = new Set<string>();
        let boot = 0;
        let disk = new PowerLossDisk();
        let { journal } = openJournal(folder, { disk, compactAt: size, boot: 'boot-0' });
        const running: Promise<void>[] = [];
        for (const [i, step] of commands.entries()) {
          const call = sampleCall(i);
          if (step.kind === 'release') {
            const said = journal.release(call).then(() => void onDisk.add(call.key));
            running.push(said.catch(() => undefined));
            if (step.awaits) await said;
          } else if (step.kind === 'begin') {
            journal.begin(call);
            if (step.ends) journal.result(call.key, { keep: undefined, settle: false });
          } else if (step.kind === 'kill') {
            // Its descriptors are left open, since no test uses them any more.
            ({ journal } = openJournal(folder, { disk, compactAt: size, boot: `boot-${boot}` }));
          } else if (step.kind === 'turn') {
            await new Promise((resolve) => setImmediate(resolve));
          } else {
            const mustBeThere = [...onDisk];
            disk = disk.lose(folder, step);
            await Promise.all(running);
            await journal.close();
            ({ journal } = openJournal(folder, { disk, compactAt: size, boot: `boot-${++boot}` }));
            const kept = journal.entries().map(({ call: { key } }) => key);
            assert.deepEqual(
              mustBeThere.filter((key) => !kept.includes(key)),
              [],
            );
          }
        }
        await journal.close();
        await Promise.all(running);
      }),
      { numRuns: 400 },
    );
  });

  it('survives a power loss also when the process that gave the file its name was killed at that moment', async (t) => {
    const folder = await temporaryFolder(t);
    const disk = new PowerLossDisk();
    await openJournal(folder, { disk }).journal.close();
    const dying = watchedDisk((operation) => {
      if (operation === 'syncFolder') throw new Error('killed');
    }, disk);
    const { journal: killed, warnings } = openJournal(folder, { disk: dying, compactAt: 0, boot: 'boot-2' });
    assert.match(warnings.join(), /killed/);
    await killed.close();
    const { journal } = openJournal(folder, { disk, boot: 'boot-2' });
    await journal.release(sampleCall(1));
    const next = disk.lose(folder, { portion: 0, keepsNames: false });
    await journal.close();
    assert.equal(openJournal(folder, { disk: next, boot: 'boot-3' }).journal.stats.depth, 1);
  });
});
