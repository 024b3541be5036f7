/**
 * A process that works on a journal until it is killed. It prints on standard output, one `WORD NUMBER` a line, what it is
 * about to do and what has been done.
 */
import { writeSync } from 'node:fs';
import { Journal } from '../../../../shim/journal/journal.ts';
import { identity, sampleCall } from './samples.ts';

/** Not through the stream, which buffers what the pipe has no room for: that would be lost with this process. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

const folder = process.argv[2] ?? '';
const first = Number(process.argv[3]);
const warn = (message: string): void => {
  say(`warning ${message}`);
};
const journal = Journal.open(folder, identity, { warn, compactAt: 3_000, boot: 'boot-1' });

function request(n: number): void {
  journal.begin(sampleCall(n));
  say(`begun ${n}`);
  say(`ending ${n}`);
  const settle = n % 2 === 0;
  journal.result(sampleCall(n).key, { keep: '10.0.0.1', settle });
  say(`${settle ? 'settling' : 'over'} ${n}`);
}

async function release(n: number): Promise<void> {
  await journal.release(sampleCall(n));
  say(`released ${n}`);
  // Some entries stay for the next process to find.
  if (n % 7 === 0) return;
  say(`confirming ${n}`);
  journal.done(sampleCall(n).key);
  say(`over ${n}`);
}

for (let n = first; ; n += 4) {
  const releases = [n, n + 1].map(release);
  request(n + 2);
  if (n % 3 === 0) await Promise.all(releases);
  request(n + 3);
  say(`confirming ${n + 3}`);
  journal.done(sampleCall(n + 3).key);
  say(`over ${n + 3}`);
}
