/** `npm run bench:counts`: what operations cost, in requests and capacity units. Exits with 1 when a target is missed. */
import { Command } from 'commander';
import { type CellResult, measureCell } from './claims.ts';
import { wholeNumber, writeFigures } from './document.ts';
import { type Figures, type Target, short, table } from './figures.ts';
import { type OperationResult, measureOperations } from './operations.ts';
import { type PeerResult, measurePeer, peers } from './peers.ts';
import { type Setting, setting } from './setting.ts';

const FILLS = [0, 50, 90, 99, 99.9];
const CALLERS = [1, 16, 64];
const POOLS = ['10.1.0.0/24', '10.2.0.0/16'];
/** Calls of one cell; more in a half-full pool, where a second write is needed half of the time, at random. */
const CALLS = 192;
const COIN_CALLS = 768;
const QUICK_CALLS = 16;
/** The peers read the whole of a /16 on each call, so a few calls say as much as many. */
const PEER_CALLS = 64;
const SAMPLES = 20;

interface Options {
  readonly quick: boolean;
  readonly write: boolean;
  readonly seed: number;
}

const costCells = ({ calls, medianRoundTrips, mostRoundTrips, requests, writeUnits, readUnits }: Figures): string[] =>
  calls === 0
    ? ['0', '', '', '', '', '']
    : [calls, medianRoundTrips, mostRoundTrips, requests, writeUnits, readUnits].map(short);

const verdict = (targets: readonly Target[]): string =>
  targets.map(({ what, isMet }) => `${what} ${isMet ? '✓' : '✗ MISSED'}`).join('; ');

const size = (pool: string): string => pool.slice(pool.indexOf('/'));

const COST = ['granted', 'round trips p50', 'most', 'requests', 'write units', 'read units'];
const FULL = ['told "full"', 'their requests', 'told "try again"'];

const claimTable = (results: readonly CellResult[]): string =>
  table(
    ['pool', 'held', 'callers', ...COST, ...FULL, 'target'],
    results.map(({ pool, fill, callers, granted, full, busy, targets }) => [
      ...[size(pool), `${fill} %`, String(callers), ...costCells(granted)],
      ...[String(full.calls), full.calls === 0 ? '' : short(full.requests), String(busy), verdict(targets)],
    ]),
  );

const peerTable = (results: readonly PeerResult[]): string =>
  table(
    ['way', 'pool', 'held', 'callers', ...COST, ...FULL],
    results.map(({ peer, pool, fill, callers, granted, full, busy }) => [
      ...[peer, size(pool), `${fill} %`, String(callers), ...costCells(granted)],
      ...[String(full.calls), full.calls === 0 ? '' : short(full.requests), String(busy)],
    ]),
  );

const operationTable = (results: readonly OperationResult[]): string =>
  table(
    ['operation', 'calls', ...COST.slice(1), 'target'],
    results.map(({ what, figures, targets }) => [what, ...costCells(figures), verdict(targets)]),
  );

async function measureClaims(at: Setting, { quick, seed }: Options): Promise<CellResult[]> {
  const results: CellResult[] = [];
  for (const pool of quick ? POOLS.slice(0, 1) : POOLS) {
    for (const fill of FILLS) {
      for (const callers of quick ? [1, 16] : CALLERS) {
        const calls = fill === 50 ? COIN_CALLS : CALLS;
        results.push(await measureCell(at, { pool, fill, callers }, quick ? QUICK_CALLS : calls, seed));
        console.error(`${size(pool)} ${fill} % ${callers} callers`);
      }
    }
  }
  return results;
}

async function measurePeers(at: Setting, { quick, seed }: Options): Promise<PeerResult[]> {
  const results: PeerResult[] = [];
  for (const make of peers) {
    for (const [pool, fills, crowds] of quick
      ? ([['10.1.0.0/24', [50], [1, 16]]] as const)
      : ([
          ['10.1.0.0/24', FILLS, CALLERS],
          ['10.2.0.0/16', [0, 50, 99], [1, 16]],
        ] as const)) {
      for (const fill of fills) {
        for (const callers of crowds) {
          const calls = pool.endsWith('/16') ? 16 : PEER_CALLS;
          results.push(await measurePeer(at, make, { pool, fill, callers }, quick ? QUICK_CALLS : calls, seed));
          console.error(`peer ${size(pool)} ${fill} % ${callers} callers`);
        }
      }
    }
  }
  return results;
}

async function main(options: Options): Promise<void> {
  const at = await setting(options.seed);
  try {
    const operations = await measureOperations(at, options.quick ? 3 : SAMPLES, options.seed);
    const claims = await measureClaims(at, options);
    const others = await measurePeers(at, options);
    const text = [
      `Means over the calls, counted on the embedded engine (seed ${options.seed}).`,
      '### Operations',
      operationTable(operations),
      '### RequestAddress, any address',
      claimTable(claims),
      '### Other ways to keep addresses in DynamoDB, in the same run',
      peerTable(others),
    ].join('\n\n');
    console.log(text);
    if (options.write) await writeFigures('counts', text);
    const missed = [...operations, ...claims].flatMap(({ targets }) => targets).filter(({ isMet }) => !isMet);
    console.log(missed.length === 0 ? '\nall targets are met' : `\n${missed.length} targets are missed`);
    if (missed.length > 0) process.exitCode = 1;
  } finally {
    await at.close();
  }
}

const command = new Command('bench:counts')
  .description('Counts requests and capacity units of every operation. Nothing is timed.')
  .option('--quick', 'a few calls, in a small scope', false)
  .option('--write', 'put the tables into docs/performance.md', false)
  .option('--seed <number>', 'of all chance', wholeNumber, 1)
  .parse();
await main(command.opts<Options>());
