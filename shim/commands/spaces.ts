/** `berth spaces` and `berth usage`: which address spaces there are, and what they held over time. Nothing here changes anything. */
import { type Command, Option } from 'commander';
import {
  type SpaceLine,
  type UsageLine,
  type ViewSpacesMessage,
  type ViewUsageMessage,
  viewSpacesAnswer,
  viewUsageAnswer,
} from '../../protocol/viewer-messages.ts';
import { agoText } from './ago.ts';
import { examples } from './help.ts';
import { type OperatorOptions, fleetOf, operating } from './host.ts';
import { wholeNumberBetween } from './options.ts';
import { print } from './output.ts';
import { type Column, tableOf } from './table.ts';
import { type Viewer, jsonOf, pagesOf, viewerOf } from './viewer.ts';

const DAY_MS = 86_400_000;

interface UsageOptions extends OperatorOptions {
  readonly days: number;
}

/** Adds the commands that look at all of a space. */
export function spaceViewCommands(program: Command): void {
  operating(program.command('spaces'))
    .summary('list the address spaces')
    .description('List the address spaces, and what each of them holds. The fleet counts them once an hour.')
    .addHelpText('after', examples('spaces', "spaces --json | jq -r '.spaces[].space'"))
    .action(async (options: OperatorOptions) => {
      const spaces = await allSpaces(await viewerOf(fleetOf(options)));
      print(options, { spaces: jsonOf(spaces) }, describeSpaces(spaces, Date.now()));
    });
  operating(program.command('usage [space]'))
    .addOption(new Option('--days <days>', 'how far back, at most 30').argParser(wholeNumberBetween(1, 30)).default(1))
    .summary('show what a space held over time')
    .description('Show what an address space held, hour by hour.')
    .addHelpText('after', examples('usage', 'usage ci --days 30 --json'))
    .action(async (name: string | undefined, options: UsageOptions) => {
      const space = name ?? 'default';
      const usage = await usageSince(await viewerOf(fleetOf(options)), space, Date.now() - options.days * DAY_MS);
      print(options, { usage: jsonOf(usage) }, describeUsage(space, usage));
    });
}

async function allSpaces(view: Viewer): Promise<SpaceLine[]> {
  const spaces: SpaceLine[] = [];
  const read = (After: string | null) =>
    view('/Berth.ViewSpaces', { After } satisfies ViewSpacesMessage, viewSpacesAnswer);
  for await (const { Spaces } of pagesOf(read)) spaces.push(...Spaces);
  return spaces;
}

async function usageSince(view: Viewer, space: string, begin: number): Promise<UsageLine[]> {
  const message = { Space: space } satisfies ViewUsageMessage;
  const { Usage } = await view('/Berth.ViewUsage', message, viewUsageAnswer);
  return Usage.filter(({ At }) => Date.parse(At) >= begin);
}

const USE: readonly Column[] = ['IPV4 POOLS', 'USED', 'OF', 'FULL', 'IPV6 POOLS', 'USED'].map((head) => ({
  head,
  isNumber: true,
}));

type Use = Omit<UsageLine, 'At'>;

const useRow = ({ Pools4, Held4, Size4, Pools6, Held6 }: Use): string[] => [
  String(Pools4),
  String(Held4),
  String(Size4),
  Size4 === 0 ? '' : `${Math.floor((Held4 * 100) / Size4)} %`,
  String(Pools6),
  String(Held6),
];

/** @param now ms */
export function describeSpaces(spaces: readonly SpaceLine[], now: number): string {
  if (spaces.length === 0) {
    return 'no space is known yet: the fleet counts its spaces once an hour (berth pools shows the pools of one at once)';
  }
  const rows = spaces.map(({ Space, At, ...use }) =>
    At === null
      ? [Space, '', '', '', '', '', '', 'not yet']
      : [Space, ...useRow(use), agoText(Math.max(0, Math.round((now - Date.parse(At)) / 1_000)))],
  );
  return tableOf([{ head: 'SPACE' }, ...USE, { head: 'COUNTED' }], rows);
}

export function describeUsage(space: string, usage: readonly UsageLine[]): string {
  if (usage.length === 0)
    return `nothing is known of space ${space} in this time: the fleet counts its spaces once an hour`;
  return tableOf(
    [{ head: 'COUNTED' }, ...USE],
    usage.map(({ At, ...use }) => [At, ...useRow(use)]),
  );
}
