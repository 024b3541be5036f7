/** `berth space show` and `berth space set`: operators look at an address space, and change it. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { durationText, parseDuration } from '../../protocol/duration.ts';
import {
  type SetSpaceMessage,
  type SpaceAnswer,
  type SpaceMessage,
  setSpaceAnswer,
  spaceAnswer,
} from '../../protocol/operator-messages.ts';
import { UsageError } from '../user-error.ts';
import { examples } from './help.ts';
import { ConsoleRefusal, type OperatorOptions, askConsole, fleetOf, operating } from './host.ts';
import { print } from './output.ts';

type Value = number | boolean | readonly string[];
/** A word instead of `null`, since commander treats an option whose value is `null` as one without a value. */
type NoLimit = typeof NONE;
const NONE = 'none';

interface Setting {
  /** The name of its option, without the dashes. */
  readonly name: string;
  /** The functions' name of it. */
  readonly field: keyof SpaceAnswer['Settings'] & keyof SetSpaceMessage['Set'];
  readonly placeholder: string;
  readonly description: string;
  /** @throws InvalidArgumentError */
  readonly parse: (text: string) => Value | NoLimit;
  readonly show: (value: Value) => string;
}

const number = (text: string): number => {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('give a whole number');
};
const list = (text: string): string[] => (text === NONE ? [] : text.split(',').map((part) => part.trim()));
const duration = (text: string): number => {
  const milliseconds = parseDuration(text);
  if (milliseconds !== undefined) return milliseconds;
  throw new InvalidArgumentError('give a time such as 30s, 10m, 12h or 7d');
};
const limit = (text: string): number | NoLimit => (text === NONE ? NONE : number(text));

const answer = (text: string): boolean => {
  if (text === 'yes' || text === 'no') return text === 'yes';
  throw new InvalidArgumentError('give yes or no');
};

const showList = (value: Value): string => (typeof value === 'object' ? value.join(', ') : '') || NONE;
const showAnswer = (value: Value): string => (value === true ? 'yes' : 'no');
const showTime = (value: Value): string => (typeof value === 'number' ? durationText(value) : '');

const prefixes = { placeholder: '<cidrs>', parse: list, show: showList };
const size = { placeholder: '<length>', parse: number, show: String };
const time = { placeholder: '<time>', parse: duration, show: showTime };
const most = { placeholder: '<number>', parse: limit, show: String };

const SETTINGS: readonly Setting[] = [
  { name: 'range', field: 'Ranges', ...prefixes, description: 'ranges for automatic pools: A,B or none' },
  { name: 'size4', field: 'Size4', ...size, description: 'length of IPv4 pools (IPv6: --size6)' },
  { name: 'size6', field: 'Size6', ...size, description: 'prefix length of an automatic IPv6 pool' },
  { name: 'exclude', field: 'Excluded', ...prefixes, description: 'ranges not to use: A,B or none' },
  { name: 'cooldown', field: 'Cooldown', ...time, description: 'cool-down of a freed address, in new pools' },
  {
    name: 'forget-after',
    field: 'ForgetAfter',
    ...time,
    description: 'when a fenced host loses its networks',
  },
  {
    name: 'max-pools',
    field: 'MaxPools',
    ...most,
    description: 'most pools of each family, or none',
  },
  {
    name: 'max-networks-per-host',
    field: 'MaxNetworksPerHost',
    ...most,
    description: 'most networks of one host, or none',
  },
  {
    name: 'widest4',
    field: 'Widest4',
    ...size,
    description: 'shortest IPv4 prefix (IPv6: --widest6)',
  },
  {
    name: 'widest6',
    field: 'Widest6',
    ...size,
    description: 'shortest prefix length that an IPv6 network may ask for',
  },
  {
    name: 'given-outside',
    field: 'GivenOutside',
    placeholder: '<answer>',
    parse: answer,
    show: showAnswer,
    description: 'subnets outside of the ranges: yes or no',
  },
  {
    name: 'max-hosts-per-principal',
    field: 'MaxHostsPerPrincipal',
    ...most,
    description: 'most hosts of one principal, or none',
  },
  {
    name: 'managers',
    field: 'Managers',
    placeholder: '<hosts>',
    parse: list,
    show: showList,
    description: 'of the swarm of NAME.global: A,B or none',
  },
];

/** Options that other lines of the help name: all of it fits on a terminal. */
const HIDDEN: ReadonlySet<string> = new Set(['context', 'endpoint', 'region', 'size6', 'widest6']);

/** Adds `berth space show` and `berth space set`. */
export function spaceCommands(program: Command): void {
  const space = program.command('space').description('look at an address space, or change it');
  operating(space.command('show [name]'))
    .description('Show the settings of an address space, and how many pools are held in it.')
    .addHelpText('after', examples('space show', 'space show ci --json | jq .space.settings.range'))
    .action(async (name: string | undefined, options: OperatorOptions) => {
      const message = { Space: name ?? 'default' } satisfies SpaceMessage;
      const space = await askConsole(fleetOf(options), '/Berth.Space', message, spaceAnswer);
      print(options, { space: spaceJson(space) }, describeSpace(space));
      if (isUnknown(space)) console.error(`berth: note: ${unknownNote(space.Space)}`);
    });
  const set = operating(space.command('set <name>')).description(
    'Change the settings of a space (--context, --endpoint: see berth space show).',
  );
  for (const { name, placeholder, description, parse } of SETTINGS) {
    set.addOption(new Option(`--${name} ${placeholder}`, description).argParser(parse));
  }
  set
    .addOption(new Option('--unset <settings>', 'set back to the default: A,B').argParser(list))
    .option('--if-rev <rev>', 'only if this is still its rev')
    .option('--force', 'although it affects existing pools')
    .addHelpText('after', examples('space set ci --range 10.64.0.0/14 --size4 26'))
    .action(setSpace);
  for (const option of set.options) if (HIDDEN.has(option.name())) option.hideHelp();
}

interface SetOptions extends OperatorOptions {
  readonly unset?: readonly string[];
  readonly ifRev?: string;
  readonly force?: boolean;
}

async function setSpace(name: string, options: SetOptions, command: Command): Promise<void> {
  const { unset = [], ifRev, force } = options;
  const changes = changesOf(command.opts(), unset);
  const change = (rev: string) =>
    askConsole(
      fleetOf(options),
      '/Berth.SetSpace',
      { Space: name, Set: changes, IfRev: rev, Force: force } satisfies SetSpaceMessage,
      setSpaceAnswer,
    );
  const seen = async () => (await askConsole(fleetOf(options), '/Berth.Space', { Space: name }, spaceAnswer)).Rev;
  const { Warnings, ...space } = await (ifRev === undefined
    ? despiteOthers(async () => change(await seen()))
    : change(ifRev === NONE ? '' : ifRev));
  print(options, { space: spaceJson(space), warnings: Warnings }, describeSpace(space));
  for (const warning of Warnings) console.error(`berth: warning: ${warning}`);
}

/** How often a change is tried when others keep changing the space in the meantime. */
const MAX_TRIES = 8;

async function despiteOthers<T>(change: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await change();
    } catch (error) {
      const isLate = error instanceof ConsoleRefusal && error.code === 'space-changed';
      if (!isLate || tries === MAX_TRIES) throw error;
    }
  }
}

/**
 * The settings to change, by the functions' names; `null` for the default.
 *
 * @throws UsageError for a setting that is unknown, or both set and unset.
 */
export function changesOf(given: Readonly<Record<string, unknown>>, unset: readonly string[]): Record<string, unknown> {
  const unknown = unset.find((name) => !SETTINGS.some((setting) => setting.name === name));
  if (unknown !== undefined) {
    const known = SETTINGS.map(({ name }) => name).join(', ');
    throw new UsageError(`no setting ${JSON.stringify(unknown)} to unset; the settings are ${known}`);
  }
  const changes = SETTINGS.flatMap(({ name, field }): [string, unknown][] => {
    const value = given[camelCase(name)];
    if (!unset.includes(name)) return value === undefined ? [] : [[field, value === NONE ? null : value]];
    if (value === undefined) return [[field, null]];
    throw new UsageError(`--${name} is set and unset at once; leave one of them out`);
  });
  if (changes.length === 0) throw new UsageError('there is nothing to change: name a setting (berth space set --help)');
  return Object.fromEntries(changes);
}

/** Commander's name of an option's value. */
const camelCase = (name: string): string => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/** Nobody has set it and nothing is in it: the name may be a typing error. The default space is one that every fleet has. */
export const isUnknown = ({ Space, Rev, Held }: SpaceAnswer): boolean =>
  Space !== 'default' && Rev === '' && Held.Pools4 + Held.Pools6 === 0;

const unknownNote = (name: string): string =>
  `no operator has set space ${name} and no pool is held in it: it would use the defaults`;

/** A space, as programs read it: each setting by the name of its option, in camelCase, and times in milliseconds. */
export const spaceJson = ({ Space, Rev, Settings, Set: set, Held }: SpaceAnswer) => ({
  name: Space,
  /** `null`: never set. */
  rev: Rev === '' ? null : Rev,
  settings: Object.fromEntries<Value | null | undefined>(
    SETTINGS.flatMap(({ name, field }) => (Settings[field] === undefined ? [] : [[camelCase(name), Settings[field]]])),
  ),
  set: SETTINGS.filter(({ field }) => set.includes(field)).map(({ name }) => camelCase(name)),
  held: { pools4: Held.Pools4, pools6: Held.Pools6, isAll: Held.IsAll },
});

/** A space's settings and holdings, one line each. */
export function describeSpace({ Space, Rev, Settings, Set: set, Held }: SpaceAnswer): string {
  const lines = SETTINGS.flatMap(({ name, field, show }): [string, string][] => {
    const value = Settings[field];
    if (value === undefined) return [];
    return [[name, `${value === null ? NONE : show(value)}${set.includes(field) ? '' : ' (default)'}`]];
  });
  const held = `${Held.Pools4} IPv4, ${Held.Pools6} IPv6${Held.IsAll ? '' : ', and more'}`;
  const all: [string, string][] = [['space', Space], ...lines, ['pools held', held], ['rev', Rev || NONE]];
  const width = Math.max(...all.map(([name]) => name.length));
  return all.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}

/** Settings by the names that JSON has. @param fields by the functions' names; `null`: back to the default. */
export const settingsJson = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    SETTINGS.flatMap(({ name, field }) => (field in fields ? [[camelCase(name), fields[field]] as const] : [])),
  );

export interface SettingsJson {
  readonly settings: Readonly<Record<string, unknown>>;
  /** Names of the settings that an operator has set. */
  readonly set: readonly string[];
}

/** What makes the settings of a space those of an export, by the functions' names; `null`: back to the default. */
export function changesTo({ settings, set }: SettingsJson, present: SpaceAnswer): Record<string, unknown> {
  return Object.fromEntries(
    SETTINGS.flatMap(({ name, field }): [string, unknown][] => {
      const isSet = present.Set.includes(field);
      if (!set.includes(camelCase(name))) return isSet ? [[field, null]] : [];
      const value = settings[camelCase(name)];
      return isSet && JSON.stringify(present.Settings[field]) === JSON.stringify(value) ? [] : [[field, value]];
    }),
  );
}
