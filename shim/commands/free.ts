/** `berth free` and `berth free-subnets`: what nobody has. Nothing here changes anything. */
import { type Command, Option } from 'commander';
import { parseAddress } from '../../protocol/address.ts';
import {
  type FreeRange,
  type ViewFreeMessage,
  type ViewFreeSubnetsMessage,
  viewFreeAnswer,
  viewFreeSubnetsAnswer,
} from '../../protocol/viewer-messages.ts';
import { UsageError } from '../user-error.ts';
import { examples } from './help.ts';
import { ConsoleRefusal, type OperatorOptions, fleetOf, operating } from './host.ts';
import { wholeNumberBetween } from './options.ts';
import { print } from './output.ts';
import { type Column, sizeText, tableOf } from './table.ts';
import { type Viewer, type InSpace, inSpace, jsonOf, noPool, pagesOf, viewerOf } from './viewer.ts';

interface SubnetOptions extends OperatorOptions {
  readonly size?: number;
  readonly ipv6?: boolean;
  readonly limit: number;
}

/** Adds the commands that list what is free. */
export function freeCommands(program: Command): void {
  inSpace(operating(program.command('free <subnet>')))
    .summary('list the free addresses of a pool')
    .description(
      'List the addresses of a pool that an endpoint can get now, as ranges: nobody has them, and none of them rests.',
    )
    .addHelpText('after', examples('free 10.192.4.0/24', "free 10.64.0.0/16 --space ci --json | jq '.free[0]'"))
    .action(async (subnet: string, options: InSpace) => {
      const { Size, Free } = await allFree(await viewerOf(fleetOf(options)), options.space, subnet);
      print(options, { size: Size, free: jsonOf(Free) }, describeFree(subnet, Size, Free));
    });
  operating(program.command('free-subnets [space]'))
    .option('--size <length>', 'prefix length (default: that of automatic pools)', wholeNumberBetween(1, 128))
    .option('--ipv6', 'IPv6 subnets instead of IPv4 ones')
    .addOption(
      new Option('--limit <runs>', 'how many runs of neighbours to show')
        .argParser(wholeNumberBetween(1, 100_000))
        .default(100),
    )
    .summary('list the free subnets of a space')
    .description(
      'List the subnets of one size that automatic pools can be cut from, as runs of neighbours: they overlap no pool and ' +
        "nothing that the space excludes. A host's own routes may rule out more.",
    )
    .addHelpText('after', examples('free-subnets --size 22', 'free-subnets ci --ipv6'))
    .action(async (name: string | undefined, options: SubnetOptions) => {
      const space = name ?? 'default';
      const found = await firstSubnets(await viewerOf(fleetOf(options)), space, options);
      print(options, jsonOf(found), describeSubnets(space, found));
    });
}

async function allFree(view: Viewer, space: string, subnet: string): Promise<{ Size: string; Free: FreeRange[] }> {
  const free: FreeRange[] = [];
  let size = '';
  const read = async (After: string | null) => {
    const message = { Space: space, Pool: subnet, After } satisfies ViewFreeMessage;
    const answer = await view('/Berth.ViewFree', message, viewFreeAnswer);
    if (answer.Outcome === 'unknown') throw noPool(space, subnet);
    if (answer.Outcome === 'large') {
      throw new ConsoleRefusal(
        `${subnet} has ${sizeText(answer.Size)} addresses, too many to list; berth addresses ${subnet} lists those in use`,
        'pool-too-large',
      );
    }
    return answer;
  };
  for await (const { Size, Ranges } of pagesOf(read)) {
    size = Size;
    for (const range of Ranges) joinTo(free, range);
  }
  return { Size: size, Free: free };
}

/** Adds a range: to the last one if the two touch, as they do where a page has ended between them. */
function joinTo(free: FreeRange[], range: FreeRange): void {
  const before = free.at(-1);
  const [end, start] = [parseAddress(before?.Last ?? ''), parseAddress(range.First)];
  if (before === undefined || end === undefined || end.value + 1n !== start?.value) free.push(range);
  else {
    const Count = String(BigInt(before.Count) + BigInt(range.Count));
    free.splice(-1, 1, { First: before.First, Last: range.Last, Count });
  }
}

export interface FreeSubnets {
  readonly Size: number;
  readonly Free: readonly FreeRange[];
  /** `false`: there are more. */
  readonly IsAll: boolean;
}

async function firstSubnets(
  view: Viewer,
  space: string,
  { size, ipv6 = false, limit }: SubnetOptions,
): Promise<FreeSubnets> {
  if (!ipv6 && size !== undefined && size > 32) {
    throw new UsageError(`an IPv4 subnet has a prefix length of 32 at most, not ${size}; --ipv6 lists IPv6 ones`);
  }
  const free: FreeRange[] = [];
  let [length, isAll] = [0, true];
  const read = (After: string | null) => {
    const message = { Space: space, Family: ipv6 ? 6 : 4, Size: size, After } satisfies ViewFreeSubnetsMessage;
    return view('/Berth.ViewFreeSubnets', message, viewFreeSubnetsAnswer);
  };
  for await (const { Size, Ranges, Next } of pagesOf(read)) {
    length = Size;
    free.push(...Ranges);
    isAll = Next === null && free.length <= limit;
    if (free.length >= limit) break;
  }
  return { Size: length, Free: free.slice(0, limit), IsAll: isAll };
}

const columns = (count: string): readonly Column[] => [
  { head: 'FIRST' },
  { head: 'LAST' },
  { head: count, isNumber: true },
];

const rowOf = ({ First, Last, Count }: FreeRange): string[] => [First, Last, sizeText(Count)];

const sumOf = (free: readonly FreeRange[]): string =>
  sizeText(String(free.reduce((sum, { Count }) => sum + BigInt(Count), 0n)));

export function describeFree(subnet: string, size: string, free: readonly FreeRange[]): string {
  const sum = `${sumOf(free)} of ${sizeText(size)} addresses of ${subnet} are free`;
  return free.length === 0 ? sum : `${tableOf(columns('ADDRESSES'), free.map(rowOf))}\n\n${sum}`;
}

export function describeSubnets(space: string, { Size, Free, IsAll }: FreeSubnets): string {
  if (Free.length === 0) return `no /${Size} is free in space ${space}`;
  const sum = IsAll
    ? `${sumOf(Free)} subnets of size /${Size} are free in space ${space}`
    : `${sumOf(Free)} subnets of size /${Size} are shown, and there are more: --limit shows more`;
  return `${tableOf(columns('SUBNETS'), Free.map(rowOf))}\n\n${sum}`;
}
