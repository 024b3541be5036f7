/** What history costs, counted in capacity units while containers start and stop. */
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { changeStream } from '../functions/dynamo/change-stream.ts';
import { historyStore } from '../functions/dynamo/history.ts';
import { retriesOf, storeOver, tableOver } from '../functions/dynamo/open.ts';
import { follow } from '../functions/ipam/history/follow.ts';
import { createHistoryTable } from '../infra/local/create-table.ts';
import { localClient } from '../test/support/engine-store.ts';
import { Host, named, withMac } from '../test/support/fleet.ts';
import { meter } from '../test/support/meter.ts';
import { DAY_MS, MINUTE_MS, type Units } from './fleet-count.ts';
import { setting } from './setting.ts';

const KEPT_DAYS = 90;
const SEED = 1;

export interface Kept {
  readonly perContainer: Units;
  /** Bytes of the history of one container. */
  readonly bytes: number;
  /** Walks over the whole table that took place meanwhile. */
  readonly bases: number;
  /** Of a run in which nothing has changed. */
  readonly idle: Units;
}

/** @param rate containers that start and stop in each of some minutes. */
export async function countHistory({
  rate,
  minutes,
}: {
  readonly rate: number;
  readonly minutes: number;
}): Promise<Kept> {
  const at = await setting(SEED);
  const { world } = at;
  const { region, credentials } = at.client.config;
  // Apart from the others: the meter asks each request of a client for its units, and some have none.
  const client = localClient(at.endpoint);
  const stream = new DynamoDBStreamsClient({ endpoint: at.endpoint, region, credentials });
  const name = `${at.table}-history`;
  await createHistoryTable(at.client, name, at.table);
  const history = historyStore(tableOver(client, name, world), KEPT_DAYS * DAY_MS);
  const deps = {
    world,
    store: storeOver(client, at.table, world),
    stream: changeStream({ table: at.client, stream }, at.table, retriesOf(world)),
    history,
  };
  const units = meter(client);
  const run = async (): Promise<Units> => {
    world.advance(MINUTE_MS);
    const { outcome, cost } = await units.measure(() => follow(deps, Infinity));
    if (outcome.status === 'rejected') throw outcome.reason;
    return { writes: cost.writeUnits, reads: cost.readUnits };
  };
  try {
    const host = new Host(at, 'runner');
    await host.register();
    const net = await host.pool({ pool: '10.1.0.0/16' });
    await run();
    const idle = await run();
    const before = await history.readCursor();
    let [bytes, bases, seen] = [0, 0, before];
    const sum = { writes: 0, reads: 0 };
    for (let minute = 0; minute < minutes; minute++) {
      for (let i = 0; i < rate; i++) {
        const mac = `02:42:${hex(minute)}:00:${hex(i >> 8)}:${hex(i & 255)}`;
        const address = await host.address(net, '', { ...withMac(mac), ...named(`runner-${minute}-job-${i}`) });
        await host.release(net, address);
      }
      const { writes, reads } = await run();
      sum.writes += writes - idle.writes;
      sum.reads += reads - idle.reads;
      const cursor = await history.readCursor();
      const isBased = cursor?.baseRun !== seen?.baseRun;
      if (isBased) bases++;
      else bytes += (cursor?.bytes ?? 0) - (seen?.bytes ?? 0);
      seen = cursor;
    }
    const containers = rate * minutes;
    return {
      perContainer: { writes: sum.writes / containers, reads: sum.reads / containers },
      bytes: bytes / containers,
      bases,
      idle,
    };
  } finally {
    client.destroy();
    stream.destroy();
    await at.close();
  }
}

const hex = (number: number): string => number.toString(16).padStart(2, '0');
