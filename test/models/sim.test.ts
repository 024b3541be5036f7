/** Explores every order of the callers' steps in small models, and tries random orders in large ones. */
import { availableParallelism } from 'node:os';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { models } from './models.ts';

const runElsewhere = (group: string, name: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData: { group, name } });
    worker.once('message', (found: unknown) => {
      resolve(String(found));
    });
    worker.once('error', reject);
    worker.once('exit', () => {
      reject(new Error('the check ended without a result'));
    });
  });

for (const [group, checks] of Object.entries(models)) {
  describe(group, { concurrency: availableParallelism() }, () => {
    for (const { name } of checks) {
      it(name, async (t) => {
        t.diagnostic(await runElsewhere(group, name));
      });
    }
  });
}
