/** Makes another Node process collect its garbage, through its inspector, so that only what it retains is left. */
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { limit } from '../test/support/deadlines.ts';

/** For the process: a free port on loopback. */
export const INSPECTED = '--inspect=127.0.0.1:0';

const GREETING = /^Debugger listening on (ws:\/\/127\.0\.0\.1:\d+\/[\w-]+)$/m;
const COLLECTION_TIMEOUT_MS = limit(30_000);

const reply = v.pipe(v.string(), v.parseJson(), v.object({ id: v.literal(1), result: v.object({}) }));

/** @param log the standard error of the process. */
export async function collectGarbage(log: string): Promise<void> {
  const url = GREETING.exec(readFileSync(log, 'utf8'))?.[1];
  if (url === undefined) throw new Error(`the process was not started with ${INSPECTED}`);
  const socket = new WebSocket(url);
  try {
    await new Promise<void>((resolve, reject) => {
      AbortSignal.timeout(COLLECTION_TIMEOUT_MS).addEventListener('abort', () => {
        reject(new Error('the process does not collect its garbage'));
      });
      socket.addEventListener('error', () => {
        reject(new Error('the inspector of the process cannot be reached'));
      });
      socket.addEventListener('open', () => {
        socket.send(JSON.stringify({ id: 1, method: 'HeapProfiler.collectGarbage' }));
      });
      socket.addEventListener('message', ({ data }) => {
        if (v.is(reply, data)) resolve();
      });
    });
  } finally {
    socket.close();
  }
}
