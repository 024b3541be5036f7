/** `npm run bench:cost`: what a fleet costs in dollars, from counted units and list prices. Nothing is timed. */
import { Command } from 'commander';
import { ACCESS_LOG, REQUESTS_OF_CALL, RUNS } from './assumptions.ts';
import { FRONTS, type Idle, type Item, type Use, idleMonth, itemsOf, looksMonth, sum } from './bill.ts';
import { wholeNumber, writeFigures } from './document.ts';
import { short, table } from './figures.ts';
import { CONTAINERS, type Line, count, lineOf } from './fleet-count.ts';
import { PRICES } from './prices.ts';
import { type Uses, countUses } from './uses.ts';

/** A shard of hosts is read in whole units: the fewer hosts it holds, the coarser the figures. */
const SIZES = [400, 1_200] as const;
const MILLION = 1_000_000;
const LARGE_FLEET = 10_000;
const FLEETS = [0, 1_000, LARGE_FLEET];

const DOCUMENT = 'docs/operations.md';

const networksText = (networks: number): string => (networks === 1 ? 'one network' : `${networks} networks`);
const useRow = (what: string, { calls, writes, reads }: Omit<Use, 'requests'>): string[] => [
  what,
  ...[calls, writes, reads].map(short),
];
const lineRows = (what: string, { fixed, perHost }: Line): string[][] => [
  useRow(`${what}, for each host`, { calls: 0, ...perHost }),
  useRow(`${what}, besides`, { calls: 0, ...fixed }),
];

function countTable({ container, network, clearing, looks }: Uses, { heartbeat, hosts, walk }: Idle): string {
  return table(
    ['once', 'calls of functions', 'write units', 'read units'],
    [
      useRow('container: start and stop', container),
      useRow('network: create and remove', network),
      useRow(`network: clear up after its end, and after ${CONTAINERS} containers`, clearing),
      useRow('heartbeat', { calls: 1, ...heartbeat.perHost }),
      ...looks.map(({ networks, use }) => useRow(`look at what Docker has, ${networksText(networks)}`, use)),
      ...lineRows('sweep of the hosts', hosts),
      ...lineRows('walk over all items', walk),
    ],
  );
}

const dollars = (value: number): string => (value > 0 && value < 0.01 ? '< 0.01' : value.toFixed(2));

/** A row for each item of the bill, a column for each of several bills, and their totals. */
function billTable(head: readonly string[], bills: readonly (readonly Item[])[]): string {
  const [first = []] = bills;
  const rows = first.map(({ what }, i) => [what, ...bills.map((bill) => dollars(bill[i]?.dollars ?? NaN))]);
  return table(head, [...rows, ['**sum**', ...bills.map((bill) => `**${dollars(sum(bill))}**`)]]);
}

const millions = ({ container, network, clearing }: Uses): string =>
  billTable(
    [
      '$ for a million',
      ...FRONTS.flatMap((front) => [`containers, ${front}`, `networks, ${front}`]),
      'networks cleared up',
    ],
    [
      ...FRONTS.flatMap((front) => [container, network].map((use) => itemsOf(use, MILLION, front))),
      itemsOf(clearing, MILLION, 'Function URLs'),
    ],
  );

/** The comparisons alone, which grow with the networks that are alive on each host. */
const looksTable = ({ looks }: Uses): string =>
  table(
    [
      `$ a month, looks of ${LARGE_FLEET.toLocaleString('en')} hosts`,
      ...looks.map(({ networks }) => `${networksText(networks)} each`),
    ],
    FRONTS.map((front) => [front, ...looks.map(({ use }) => dollars(looksMonth(use, LARGE_FLEET, front)))]),
  );

const months = (idle: Idle): string =>
  billTable(
    ['$ a month', ...FRONTS.flatMap((front) => FLEETS.map((hosts) => `${hosts.toLocaleString('en')} hosts, ${front}`))],
    FRONTS.flatMap((front) => FLEETS.map((hosts) => idleMonth(idle, hosts, front))),
  );

async function countIdle(look: Use, seed: number): Promise<Idle> {
  const [few, many] = [await count(SIZES[0], seed), await count(SIZES[1], seed)];
  return {
    heartbeat: lineOf(SIZES, few.heartbeat, many.heartbeat),
    hosts: lineOf(SIZES, few.hosts, many.hosts),
    walk: lineOf(SIZES, few.walk, many.walk),
    look,
    bytes: Math.round((many.bytes - few.bytes) / (SIZES[1] - SIZES[0])),
  };
}

async function figures(seed: number): Promise<string> {
  const uses = await countUses(seed);
  const [{ use: look }] = uses.looks;
  const idle = await countIdle(look, seed);
  return [
    `Counted on the embedded engine (seed ${seed}); of fleets for ${SIZES[0]} and ${SIZES[1]} hosts, each with a network ` +
      `and ${CONTAINERS} containers.`,
    countTable(uses, idle),
    `List prices of ${PRICES.region}, ${PRICES.date}, without free tiers: check yours. Not counted but taken: a call is ` +
      `billed ${RUNS.call.seconds * 1_000} ms of ${RUNS.call.megabytes} MB (and ${RUNS.request.seconds * 1_000} ms for each of its requests to DynamoDB after the first ${REQUESTS_OF_CALL}) and a sweep ${RUNS.sweep.seconds} s of ` +
      `${RUNS.sweep.megabytes} MB; the ` +
      `HTTP API writes ${ACCESS_LOG} bytes of log for each call, the functions none of one that is granted.`,
    millions(uses),
    `A month of 30 days in which nothing starts, by hosts; ${idle.bytes} bytes of the table for each.`,
    months(idle),
    looksTable(uses),
  ].join('\n\n');
}

interface Options {
  readonly write: boolean;
  readonly seed: number;
}

const command = new Command('bench:cost')
  .description('Counts what containers, networks and idle hosts ask of AWS, and says what that costs by list prices.')
  .option('--write', `put the tables into ${DOCUMENT}`, false)
  .option('--seed <number>', 'of all chance', wholeNumber, 1)
  .parse();
const { write, seed } = command.opts<Options>();
const text = await figures(seed);
console.log(text);
if (write) await writeFigures('cost', text, DOCUMENT);
