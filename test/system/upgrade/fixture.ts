/** What releases have left behind, as test/system/upgrade/make-fixtures.ts recorded it. */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';

const FOLDER = path.join(import.meta.dirname, '../../fixtures');

/** The host whose data folder was kept. */
export const HOST = 'old-1';

/** Each released version, such as `v0.1.0`. */
export const releases = (): readonly string[] => readdirSync(FOLDER).filter((name) => /^v\d/.test(name));

export function fixtureFolder(release: string): string {
  if (!/^v\d+\.\d+\.\d+$/.test(release))
    throw new Error(`bad release ${JSON.stringify(release)}: give one such as v0.1.0`);
  return path.join(FOLDER, release);
}

const network = v.object({
  driver: v.string(),
  poolId: v.string(),
  pool: v.string(),
  gateway: v.string(),
  addresses: v.array(v.string()),
  waiting: v.optional(v.string()),
});
/** As Docker knows it. `waiting`: an address whose release is only in the host's journal. */
export type Network = v.InferOutput<typeof network>;

const texts = v.record(v.string(), v.string());
const exchange = v.object({
  path: v.string(),
  headers: texts,
  body: v.string(),
  status: v.number(),
  answerHeaders: texts,
  answer: v.string(),
});
/** A request to a function, without its signature, and the answer. */
export type Exchange = Readonly<v.InferOutput<typeof exchange>>;

const item = v.looseObject({ pk: v.string(), sk: v.string() });

export interface Fixture {
  readonly networks: readonly Network[];
  readonly exchanges: readonly Exchange[];
  readonly items: readonly v.InferOutput<typeof item>[];
  /** A host's data folder, which must be copied before use. */
  readonly hostFolder: string;
}

export function fixture(release: string): Fixture {
  const folder = fixtureFolder(release);
  const read = <Schema extends v.GenericSchema>(name: string, schema: Schema): v.InferOutput<Schema> =>
    v.parse(v.pipe(v.string(), v.parseJson(), schema), readFileSync(path.join(folder, name), 'utf8'));
  return {
    networks: read('networks.json', v.array(network)),
    exchanges: read('messages.json', v.array(exchange)),
    items: read('table.json', v.array(item)),
    hostFolder: path.join(folder, 'host'),
  };
}
