/** A store on an embedded engine in memory, for one test file. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { storeOver } from '../../functions/dynamo/open.ts';
import type { Store } from '../../functions/ipam/store.ts';
import { realWorld } from '../../functions/lambda/world.ts';
import { createTable } from '../../infra/local/create-table.ts';
import { startEngine } from '../../infra/local/engine.ts';

export interface EngineStore {
  readonly store: Store;
  /** The same table, as another process sees it. */
  readonly elsewhere: () => Store;
  readonly client: DynamoDBClient;
  readonly table: string;
  /** The address of the engine. */
  readonly endpoint: string;
  close(): Promise<void>;
}

export async function engineStore(): Promise<EngineStore> {
  const engine = await startEngine(undefined);
  return storeAt(engine.url, () => engine.stop());
}

/** A store on a new table of the engine at an address. */
export async function storeAt(endpoint: string, stop: () => Promise<void>): Promise<EngineStore> {
  const client = localClient(endpoint, 1);
  const table = 'berth-test';
  await createTable(client, table);
  const close = async (): Promise<void> => {
    client.destroy();
    await stop();
  };
  const elsewhere = (): Store => storeOver(client, table, realWorld);
  return { store: elsewhere(), elsewhere, client, table, endpoint, close };
}

/** A client of the engine at an address. */
export const localClient = (endpoint: string, maxAttempts?: number): DynamoDBClient =>
  new DynamoDBClient({
    endpoint,
    region: 'local',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    ...(maxAttempts !== undefined && { maxAttempts }),
  });

/** What functions read from their environment when they load. */
export const environmentOf = ({
  table,
  endpoint,
}: Pick<EngineStore, 'table' | 'endpoint'>): Record<string, string> => ({
  BERTH_TABLE: table,
  AWS_ENDPOINT_URL_DYNAMODB: endpoint,
  AWS_REGION: 'local',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
});

/** Sets the table for functions that are loaded from now on. */
export function useTable(of: Pick<EngineStore, 'table' | 'endpoint'>): void {
  Object.assign(process.env, environmentOf(of));
}
