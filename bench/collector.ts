/** Has another process of Node collect its garbage, over its inspector: only what it holds on to is left then. */
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { limit } from '../test/support/deadlines.ts';

/** For the process: a port of loopback that is free. */
export const INSPECTED = '--inspect=127.0.0.1:0';

const GREETING = /^Debugger listening on (ws:\/\/127\.0\.0\.1:\d+\/[\w-]+)$/m;
/** ms */
const TIMEOUT = limit(30_000);

const reply = v.pipe(v.string(), v.parseJson(), v.object({ id: v.literal(1), result: v.object({}) }));

/** @param log what the process has written to standard error. */
export async function collectGarbage(log: string): Promise<void> {
  const url = GREETING.exec(readFileSync(log, 'utf8'))?.[1];
  if (url === undefined) throw new Error(`the process was not started with ${INSPECTED}`);
  const socket = new WebSocket(url);
  try {
    await new Promise<void>((resolve, reject) => {
      AbortSignal.timeout(TIMEOUT).addEventListener('abort', () => {
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
