/** The export as CSV: a table for each kind of thing, written as it is read. */
import { stringify } from 'csv-stringify/sync';
import { addressPages, holderPages, hostPages, oneSpace, poolPages } from './fleet-pages.ts';
import type { Scope } from './export-json.ts';
import { spaceJson } from './space.ts';
import { jsonOf } from './viewer.ts';

/** A table of an export. */
export interface Table {
  readonly kind: string;
  readonly columns: readonly string[];
  readonly rows: AsyncIterable<readonly string[]>;
}

/**
 * The rows as they are read, after a line of heads.
 *
 * @param isForPeople a spreadsheet may open it: cells that it would take for formulas begin with an apostrophe, since hosts choose
 * the names of containers.
 */
export async function* csvText({ columns, rows }: Table, isForPeople: boolean): AsyncGenerator<string> {
  yield stringify([[...columns]]);
  for await (const row of rows) yield stringify([[...row]], { escape_formulas: isForPeople });
}

type Item = object;

const SPACES = [
  ...['name', 'rev', 'range', 'size4', 'size6', 'exclude', 'cooldown', 'forgetAfter', 'maxPools', 'maxNetworksPerHost'],
  ...['widest4', 'widest6', 'givenOutside', 'maxHostsPerPrincipal', 'managers', 'set'],
];
const POOLS = [
  ...['space', 'pool', 'state', 'createdBy', 'createdAt', 'gateway', 'exclusive', 'cooldown', 'size'],
  ...['leased', 'reserved', 'resting', 'isAll'],
];
const NETWORKS = ['space', 'pool', 'host', 'state', 'since', 'subPool', 'reserves'];
const ADDRESSES = ['space', 'pool', 'address', 'state', 'host', 'mac', 'endpoint', 'since'];
const HOSTS = [
  ...[
    'host',
    'state',
    'status',
    'reason',
    'lastSeen',
    'silentSeconds',
    'inLease',
    'shimVersion',
    'engineVersion',
    'why',
  ],
];

/** The tables of all that viewers may see. */
export function csvTables(scope: Scope): Table[] {
  return [
    table('spaces', SPACES, spaces(scope)),
    table('pools', POOLS, pools(scope)),
    table('networks', NETWORKS, networks(scope)),
    table('addresses', ADDRESSES, addresses(scope)),
    ...(scope.withHosts ? [table('hosts', HOSTS, hosts(scope))] : []),
  ];
}

const table = (kind: string, columns: readonly string[], items: AsyncIterable<Item>): Table => ({
  kind,
  columns,
  rows: rowsOf(columns, items),
});

async function* rowsOf(columns: readonly string[], items: AsyncIterable<Item>): AsyncGenerator<string[]> {
  for await (const item of items) {
    const values = new Map<string, unknown>(Object.entries(item));
    yield columns.map((column) => cell(values.get(column)));
  }
}

/** A list is one cell, its parts separated by spaces. */
function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return value.map(cell).join(' ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

async function* spaces({ view, spaces: names }: Scope) {
  for (const name of names) {
    const { settings, ...space } = spaceJson(await oneSpace(view, name));
    yield { ...space, ...settings };
  }
}

export async function* eachPool({ view, spaces: names }: Scope) {
  for (const name of names) for await (const page of poolPages(view, name)) yield* page;
}

async function* pools(scope: Scope) {
  for await (const pool of eachPool(scope)) yield jsonOf(pool);
}

async function* networks(scope: Scope) {
  for await (const pool of eachPool(scope)) {
    for await (const page of holderPages(scope.view, pool)) {
      for (const one of page) yield { ...jsonOf(one), space: pool.Space, pool: pool.Pool };
    }
  }
}

async function* addresses(scope: Scope) {
  for await (const pool of eachPool(scope)) {
    for await (const { Addresses } of addressPages(scope.view, pool)) {
      for (const one of Addresses) yield { ...jsonOf(one), space: pool.Space, pool: pool.Pool };
    }
  }
}

async function* hosts({ view }: Scope) {
  for await (const page of hostPages(view)) {
    for (const { Health, ...host } of page) yield { ...jsonOf(host), ...(Health ? jsonOf(Health) : {}) };
  }
}
