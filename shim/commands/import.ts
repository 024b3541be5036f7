/** `berth import`: an operator brings in what NetBox, Docker or an export of Berth knows. A plan is shown before anything changes. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import * as v from 'valibot';
import { type Cidr, cidrRange, parseCidr, rangesOverlap } from '../../protocol/address.ts';
import { type SetSpaceMessage, setSpaceAnswer } from '../../protocol/operator-messages.ts';
import { messageOf } from '../error-message.ts';
import { UsageError, UserError } from '../user-error.ts';
import { addressPages, oneSpace, poolPages } from './fleet-pages.ts';
import { examples } from './help.ts';
import { type Fleet, type OperatorOptions, askConsole, fleetOf, operating } from './host.ts';
import { type Move, dockerMove } from './import-docker.ts';
import { netboxWishes } from './import-netbox.ts';
import { type Plan, type Present, type Wish, addressKeyOf, planOf } from './import-plan.ts';
import { type Proposal, describeImport, importJson } from './import-text.ts';
import { print } from './output.ts';
import { changesTo } from './space.ts';
import { agreeTo, terminal } from './terminal.ts';
import { type Viewer, viewerOf } from './viewer.ts';

interface ImportOptions extends OperatorOptions {
  readonly space?: string;
  readonly vrf?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** Adds `berth import`. */
export function importCommand(program: Command): void {
  operating(program.command('import <files...>'))
    .option('--space <name>', 'the space that takes it (default: default; of an export: all of its spaces)')
    .option('--vrf <name>', "only the rows of this VRF, of NetBox's files")
    .option('--dry-run', 'show the plan, and change nothing')
    .option('--yes', 'do not ask for confirmation')
    .summary('bring in what NetBox, Docker or an export knows')
    .description(
      "Set up spaces from NetBox's CSV files, from what docker network inspect prints, or from berth export. The plan is " +
        'shown first. What is there already is left alone.',
    )
    .addHelpText('after', examples('import prefixes.csv ip-addresses.csv --space ci', 'import networks.json --dry-run'))
    .action(async (files: readonly string[], options: ImportOptions) => {
      const fleet = fleetOf(options);
      await carryOut(fleet, await propose(await viewerOf(fleet), files, options), options);
    });
}

/** @throws UserError for a file that cannot be read. */
async function propose(view: Viewer, files: readonly string[], { space, vrf }: ImportOptions): Promise<Proposal> {
  const name = space ?? 'default';
  const sources = files.map((file) => sourceOf(file, name, vrf));
  const exported = sources.filter((source) => source.kind === 'export');
  const moves = sources.flatMap((source) => (source.kind === 'docker' ? [source.move] : []));
  const wishes = sources.flatMap((source): readonly Wish[] => {
    if (source.kind === 'export') return [];
    return source.kind === 'docker' ? source.move.wishes : source.wishes;
  });
  if (exported.length === sources.length) {
    const plans = await Promise.all(exported.flatMap((source) => settingsPlans(view, source, space)));
    return { plans, commands: [], kept: [] };
  }
  if (exported.length > 0) throw new UsageError('import an export of Berth on its own, without files of other kinds');
  return {
    plans: [planOf(wishes, await presentOf(view, name, wishes))],
    commands: moves.flatMap(({ commands }) => commands),
    kept: moves.flatMap(({ kept }) => kept),
  };
}

const exportedSpace = v.object({
  name: v.string(),
  settings: v.record(v.string(), v.unknown()),
  set: v.array(v.string()),
});
/** What is read of an export; its pools and addresses are facts, and no settings. */
const exportFile = v.object({ version: v.literal(1), spaces: v.array(exportedSpace) });

interface Exported {
  readonly kind: 'export';
  readonly file: string;
  readonly spaces: v.InferOutput<typeof exportFile>['spaces'];
}

type Source =
  | Exported
  | { readonly kind: 'docker'; readonly move: Move }
  | { readonly kind: 'netbox'; readonly wishes: readonly Wish[] };

/** JSON begins with a bracket: a list is Docker's, an object is Berth's. */
function sourceOf(file: string, space: string, vrf: string | undefined): Source {
  const text = textOf(file);
  const [begin] = text.trimStart();
  if (begin !== '[' && begin !== '{') return { kind: 'netbox', wishes: netboxWishes(file, text, vrf) };
  const content = jsonOfFile(file, text);
  if (begin === '[') return { kind: 'docker', move: dockerMove(file, content, space) };
  const parsed = v.safeParse(exportFile, content);
  if (parsed.success) return { kind: 'export', file, spaces: parsed.output.spaces };
  const [issue] = parsed.issues;
  throw new UserError(
    `${file}: ${v.getDotPath(issue) ?? 'the document'}: ${issue.message}; give what berth export of this version prints`,
  );
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** The error has line and column. */
function jsonOfFile(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`${file}: not JSON: ${messageOf(error)}`, { cause: error });
  }
}

/** @throws UsageError when the export does not have the space. */
function settingsPlans(view: Viewer, { file, spaces }: Exported, only: string | undefined): Promise<Plan>[] {
  const chosen = spaces.filter(({ name }) => only === undefined || name === only);
  if (chosen.length === 0) throw new UsageError(`${file} has no space ${only ?? ''}`.trim());
  return chosen.map(async ({ name, ...exported }) => {
    const present = await oneSpace(view, name);
    return { space: name, rev: present.Rev, set: changesTo(exported, present), steps: [] };
  });
}

/** The pools of the space, and who has what in those that the file has addresses of. */
async function presentOf(view: Viewer, space: string, wishes: readonly Wish[]): Promise<Present> {
  const pools: Cidr[] = [];
  const held = new Set<string>();
  const addresses = wishes.filter(({ kind }) => kind === 'address');
  for await (const page of poolPages(view, space)) {
    for (const pool of page) {
      const cidr = parseCidr(pool.Pool);
      if (cidr === undefined) continue;
      pools.push(cidr);
      if (!addresses.some(({ range }) => rangesOverlap(range, cidrRange(cidr)))) continue;
      for await (const { Addresses } of addressPages(view, pool)) {
        for (const { Address, State } of Addresses) {
          if (State === 'leased' || State === 'reserved') held.add(addressKeyOf(Address));
        }
      }
    }
  }
  return { space: await oneSpace(view, space), pools, held };
}

async function carryOut(fleet: Fleet, proposal: Proposal, options: ImportOptions): Promise<void> {
  const changes = proposal.plans.filter(({ set }) => Object.keys(set).length > 0);
  const text = describeImport(proposal);
  const isIdle = options.dryRun === true || changes.length === 0;
  const mustAsk = !isIdle && options.yes !== true;
  if (mustAsk) await agree(text, changes);
  if (!isIdle) for (const plan of changes) await apply(fleet, plan);
  const outcome = changes.map(({ space }) => `space ${space} is set`).join('\n');
  const told = mustAsk ? outcome : [text, ...(isIdle ? [] : [outcome])].join('\n\n');
  print(options, { ...importJson(proposal), isDone: !isIdle }, told);
}

async function agree(text: string, changes: readonly Plan[]): Promise<void> {
  const { tell, ask } = terminal();
  tell(text);
  const word = changes.map(({ space }) => space).join(' ');
  await agreeTo(
    { word, question: `\nType ${word} to carry this out: `, unasked: 'add --yes to carry out the plan' },
    ask,
  );
}

/** A change by somebody else since the plan was made is refused. */
async function apply(fleet: Fleet, { space, rev, set }: Plan): Promise<void> {
  const message = { Space: space, Set: set, IfRev: rev } satisfies SetSpaceMessage;
  const { Warnings } = await askConsole(fleet, '/Berth.SetSpace', message, setSpaceAnswer);
  for (const warning of Warnings) console.error(`berth: warning: ${warning}`);
}
