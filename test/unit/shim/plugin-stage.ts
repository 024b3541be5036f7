/** The plugin's server, with calls, an outbox and a cloud that a test controls. */
import { type Server } from 'node:http';
import path from 'node:path';
import { type TestContext } from 'node:test';
import { pino } from 'pino';
import { parseEndpoint } from '../../../shim/endpoint.ts';
import { Handshakes } from '../../../shim/host/handshake.ts';
import { Sequence } from '../../../shim/host/sequence.ts';
import { Metrics } from '../../../shim/plugin/metrics.ts';
import { pluginServer } from '../../../shim/plugin/plugin.ts';
import { openServer } from '../../../shim/plugin/sockets.ts';
import { type CallsStage, stage as callsStage } from './calls-stage.ts';
import { failureOf } from './stand-ins.ts';
import { temporaryFolder } from './temporary.ts';

export interface Stage extends CallsStage {
  readonly socket: string;
  readonly server: Server;
  /** The folder that stores the sequence. */
  readonly data: string;
}

interface Wish {
  readonly budget?: number;
  /** ms since the epoch, for the sequence. */
  readonly now?: () => number;
  /** Called whenever something is logged. */
  readonly onLog?: () => void;
}

export async function stage(t: TestContext, { budget = 60_000, now, onLog }: Wish = {}): Promise<Stage> {
  const calls = await callsStage(t);
  const [folder, data] = [await temporaryFolder(t), await temporaryFolder(t)];
  const warn = (): undefined => undefined;
  const endpoint = parseEndpoint('unix:/nowhere');
  const cloud = { ask: () => Promise.resolve(failureOf('away')) };
  const handshakes = await Handshakes.open(cloud, { endpoint, driver: 'berth', space: 'default', folder, warn });
  const server = pluginServer('berth', handshakes, {
    sequence: new Sequence(data, now),
    calls: calls.calls,
    metrics: new Metrics({ journal: calls.journal, inFlight: () => 0, isReached: () => true, findings: () => [] }),
    log: pino({ level: onLog === undefined ? 'silent' : 'info', hooks: { logMethod: () => onLog?.() } }),
    health: () => ({ status: 'ok' }),
    status: () => ({}),
    doctor: () => Promise.resolve({ findings: [] }),
    budget,
  });
  const socket = path.join(folder, 'berth.sock');
  await openServer(server, { path: socket });
  t.after(() => {
    handshakes.close();
    server.closeAllConnections();
    server.close();
  });
  return { ...calls, socket, server, data };
}
