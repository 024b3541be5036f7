/** `berth export`: all that viewers may see, as JSON, as CSV, or in the columns of NetBox's import. It changes nothing. */
import { createWriteStream, mkdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Command, Option } from 'commander';
import { messageOf } from '../error-message.ts';
import { UsageError, UserError } from '../user-error.ts';
import { type Table, csvTables, csvText } from './export-csv.ts';
import { type Scope, jsonText } from './export-json.ts';
import { netboxTables } from './export-netbox.ts';
import { spaceNames } from './fleet-pages.ts';
import { examples } from './help.ts';
import { type OperatorOptions, fleetOf, operating } from './host.ts';
import { print } from './output.ts';
import { viewerOf } from './viewer.ts';

const FORMATS = ['json', 'csv', 'netbox'] as const;

interface ExportOptions extends OperatorOptions {
  readonly format: (typeof FORMATS)[number];
  readonly space?: string;
  readonly kind?: string;
  readonly out?: string;
  readonly vrf?: string;
}

/** Adds `berth export`. */
export function exportCommand(program: Command): void {
  operating(program.command('export'))
    .addOption(new Option('--format <format>', 'what is written').choices(FORMATS).default('json'))
    .option('--space <name>', 'only this address space; netbox: default unless named')
    .option('--kind <kind>', 'the one table of csv or netbox that is written to standard output')
    .option('--out <folder>', 'write files to this folder')
    .option('--vrf <name>', 'netbox: the VRF that the space is in NetBox')
    .summary('write all that viewers may see')
    .description(
      'Write the spaces, pools, networks, addresses and hosts as JSON or CSV, or as the CSV that NetBox imports.',
    )
    .addHelpText('after', examples('export > fleet.json', 'export --format netbox --space ci --vrf ci --out netbox'))
    .action(async (options: ExportOptions) => {
      refuseUnfit(options);
      const view = await viewerOf(fleetOf(options));
      const { space = options.format === 'netbox' ? 'default' : undefined } = options;
      const spaces = space === undefined ? await spaceNames(view) : [space];
      await write(documentsOf({ view, spaces, withHosts: space === undefined }, options), options);
    });
}

/** @throws UsageError for options that mean nothing together. */
function refuseUnfit({ format, kind, out, vrf }: ExportOptions): void {
  if (vrf !== undefined && format !== 'netbox') throw new UsageError('--vrf is for --format netbox');
  if (format === 'json' && kind !== undefined) throw new UsageError('--kind is for --format csv and netbox');
  if (format !== 'json' && kind === undefined && out === undefined) {
    throw new UsageError(`${format} has several tables: name a folder for them with --out, or one of them with --kind`);
  }
}

interface Document {
  readonly name: string;
  readonly text: AsyncIterable<string>;
}

/** @throws UsageError for a kind that there is not. */
function documentsOf(scope: Scope, { format, kind, vrf = '' }: ExportOptions): Document[] {
  if (format === 'json') return [{ name: 'berth.json', text: jsonText(scope, new Date().toISOString()) }];
  const tables: Table[] = format === 'csv' ? csvTables(scope) : netboxTables(scope, vrf);
  const chosen = tables.filter((table) => kind === undefined || table.kind === kind);
  if (chosen.length === 0) {
    throw new UsageError(
      `there is no ${kind} in this export; there are ${tables.map((table) => table.kind).join(', ')}`,
    );
  }
  return chosen.map((table) => ({ name: `${table.kind}.csv`, text: csvText(table, format === 'csv') }));
}

async function write(documents: readonly Document[], { out, ...options }: ExportOptions): Promise<void> {
  if (out === undefined) {
    for (const { text } of documents) await writeOut(text);
    return;
  }
  const files: string[] = [];
  for (const { name, text } of documents) {
    const file = path.join(out, name);
    await writeFile(file, text);
    files.push(file);
  }
  print(options, { files }, files.map((file) => `wrote ${file}`).join('\n'));
}

/** A file that exists is whole: it gets its name at the end. Only its owner may read it. @throws UserError */
async function writeFile(file: string, text: AsyncIterable<string>): Promise<void> {
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    await pipeline(Readable.from(text), createWriteStream(`${file}.part`, { mode: 0o600 }));
    renameSync(`${file}.part`, file);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot write ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** The program that reads may stop early, as `head` does. */
async function writeOut(text: AsyncIterable<string>): Promise<void> {
  try {
    await pipeline(Readable.from(text), process.stdout, { end: false });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE')) throw error;
  }
}
