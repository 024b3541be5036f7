/** `npm run bench:cold`: what a cold start loads, and how long loading and a first call take, compared with other builds. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { build } from 'esbuild';
import { type FunctionName, bundle, bundleEntry, functionNames } from '../infra/build.ts';
import { root } from '../test/support/repository.ts';
import { engineStore } from '../test/support/engine-store.ts';
import { LAMBDA_ENVIRONMENT, callFresh } from '../test/support/fresh-function.ts';
import { firstCalls, poolIdOf, register, requestPool } from '../test/support/function-calls.ts';
import { wholeNumber, writeFigures } from './document.ts';
import { short, table } from './figures.ts';

const KIB = 1_024;
const HOST = 'web-1';

/** A function as one of several ways builds it. */
interface Subject {
  readonly name: FunctionName | 'one GetItem';
  readonly way: 'Berth' | "esbuild's defaults" | 'hand-written';
  readonly file: string;
  readonly bytes: number;
  readonly modules: number;
  /** ms of each run. */
  readonly loads: number[];
  readonly calls: number[];
}

type Made = Pick<Subject, 'file' | 'bytes' | 'modules'>;

const subject = (name: Subject['name'], way: Subject['way'], made: Made): Subject => ({
  name,
  way,
  ...made,
  loads: [],
  calls: [],
});

/** As esbuild bundles for Node by default. */
async function bundleByDefaults(name: FunctionName, file: string): Promise<Made> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: [`functions/${name}.ts`],
    outfile: file,
    bundle: true,
    platform: 'node',
    write: false,
    metafile: true,
    logLevel: 'error',
  });
  const code = outputFiles[0]?.contents ?? new Uint8Array();
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, code);
  const modules = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs));
  return { file, bytes: code.length, modules: modules.length };
}

async function subjects(folder: string): Promise<Subject[]> {
  const minimal = path.join(folder, 'minimal/index.js');
  const { code, modules } = await bundleEntry('bench/minimal-client.ts', minimal);
  const all = [subject('one GetItem', 'hand-written', { file: minimal, bytes: code.length, modules: modules.length })];
  for (const name of functionNames) {
    const file = path.join(folder, name, 'index.js');
    const ours = await bundle(name, file);
    all.push(subject(name, 'Berth', { file, bytes: ours.code.length, modules: ours.modules.length }));
    all.push(
      subject(
        name,
        "esbuild's defaults",
        await bundleByDefaults(name, path.join(folder, 'defaults', name, 'index.js')),
      ),
    );
  }
  return all;
}

/** Each subject in turn, so that a machine that slows down affects all of them. */
function measure(all: readonly Subject[], environment: Readonly<Record<string, string>>, runs: number): void {
  const fileOf = (name: FunctionName): string => all.find((one) => one.name === name)?.file ?? '';
  callFresh(fileOf('hosts'), environment, register(HOST));
  const poolId = poolIdOf(callFresh(fileOf('pools'), environment, requestPool(HOST)).answer?.body);
  for (let run = 0; run < runs; run++) {
    for (const { name, file, loads, calls } of all) {
      const event = name === 'one GetItem' ? {} : firstCalls(HOST, poolId)[name];
      const { load, call, answer } = callFresh(file, environment, event);
      if (answer !== null && answer.statusCode !== 200) throw new Error(`${name}: ${JSON.stringify(answer)}`);
      loads.push(load);
      calls.push(call);
    }
    console.error(`run ${run + 1} of ${runs}`);
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? NaN;
}

const total = ({ loads, calls }: Subject): number => median(loads.map((load, i) => load + (calls[i] ?? NaN)));

function figures(all: readonly Subject[]): string {
  const [minimal] = all;
  if (minimal === undefined) throw new Error('nothing was measured');
  const sizes = table(
    ['function', 'way', 'KiB', 'modules', "KiB, ratio to esbuild's defaults"],
    all.map((one) => {
      const defaults = all.find(({ name, way }) => name === one.name && way === "esbuild's defaults");
      const ratio = defaults === undefined ? '' : short(one.bytes / defaults.bytes);
      return [one.name, one.way, short(one.bytes / KIB), String(one.modules), ratio];
    }),
  );
  const times = table(
    ['function', 'way', 'load ms', 'first call ms', 'both ms', 'both, ratio to hand-written'],
    all.map((one) => [
      ...[one.name, one.way],
      ...[median(one.loads), median(one.calls), total(one), total(one) / total(minimal)].map(short),
    ]),
  );
  return ['### Size', sizes, '### Time', times].join('\n\n');
}

async function main({ runs, quick, write }: { runs: number; quick: boolean; write: boolean }): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'berth-cold-'));
  const engine = await engineStore();
  try {
    const url = 'https://function.example/';
    const environment = {
      ...LAMBDA_ENVIRONMENT,
      BERTH_TABLE: engine.table,
      AWS_ENDPOINT_URL_DYNAMODB: engine.endpoint,
      BERTH_POOLS_URL: url,
      BERTH_ADDRESSES_URL: url,
      BERTH_HOSTS_URL: url,
      BERTH_CONSOLE_URL: url,
      BERTH_VIEWER_URL: url,
      BERTH_CHECK_URL: url,
    };
    const all = await subjects(folder);
    measure(all, environment, quick ? 1 : runs);
    const setting = `Node ${process.versions.node}, ${cpus().length} processors; medians of ${quick ? 1 : runs} runs.`;
    const text = [setting, figures(all)].join('\n\n');
    console.log(text);
    if (write) await writeFigures('cold', text);
  } finally {
    await engine.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const command = new Command('bench:cold')
  .description('Measures what a cold start loads, and how long that and a first call take.')
  .option('--runs <number>', 'of each function', wholeNumber, 15)
  .option('--quick', 'one run', false)
  .option('--write', 'put the tables into docs/performance.md', false)
  .parse();
await main(command.opts<{ runs: number; quick: boolean; write: boolean }>());
