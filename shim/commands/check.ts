/** `berth check`: whether the table is sound. It reads the whole table while the fleet works, and changes nothing. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import * as v from 'valibot';
import { type CheckMessage, type FindingLine, checkAnswer, checkerAnswer } from '../../protocol/check-messages.ts';
import { endpointNamedBy } from '../endpoint.ts';
import { messageOf } from '../error-message.ts';
import { EXIT } from '../exit-codes.ts';
import { UsageError, UserError } from '../user-error.ts';
import { examples } from './help.ts';
import { type Fleet, type OperatorOptions, ask, fleetOf, operating, shakeHands } from './host.ts';
import { print, toJson } from './output.ts';
import { progress } from './progress.ts';
import { tableOf } from './table.ts';
import { pagesOf } from './viewer.ts';

/** The function ends after 29 s. */
const ANSWER_TIMEOUT_MS = 35_000;
/** ms: as long as two walks of the sweep, and more. What it has not cleared by then is damage. */
const SWEPT_MS = 3 * 3_600_000;

/** What one look has found. */
const report = v.object({
  /** When the look began (ISO 8601). */
  at: v.pipe(v.string(), v.isoTimestamp()),
  items: v.number(),
  findings: v.array(
    v.object({
      damage: v.string(),
      where: v.string(),
      what: v.string(),
      isLeftover: v.boolean(),
      id: v.string(),
    }),
  ),
});
export type Report = v.InferOutput<typeof report>;
export type Finding = Report['findings'][number];

interface CheckOptions extends OperatorOptions {
  readonly report?: string;
  readonly since?: string;
}

/** Adds `berth check`. */
export function checkCommand(program: Command): void {
  operating(program.command('check'))
    .summary('say whether the table is sound')
    .description(
      'Read the whole table while the fleet works, and name all damage. Exit code 0: the table is sound, 5: it is not. ' +
        'What the sweep clears by itself within hours is listed, and is no damage.',
    )
    .option('--report <file>', 'also write what was found to a file')
    .option('--since <file>', 'an earlier report: what it lists too, hours later, the sweep does not clear')
    .addHelpText('after', examples('check', 'check --report today.json --since yesterday.json'))
    .action(async ({ report: file, since, ...options }: CheckOptions) => {
      const earlier = since === undefined ? undefined : readReport(since);
      const seen = sinceEarlier(await look(fleetOf(options)), earlier);
      if (file !== undefined) writeReport(file, seen);
      print(options, seen, describe(seen));
      if (seen.findings.some(({ isLeftover }) => !isLeftover)) process.exitCode = EXIT.findings;
    });
}

/** Reads the whole table once. @throws UserError */
async function look(fleet: Fleet): Promise<Report> {
  const { Functions } = await shakeHands(fleet, checkerAnswer);
  if (Functions.Check === undefined) {
    throw new UserError('the functions are of an earlier version, which checks nothing: deploy this version');
  }
  const checker = { cloud: fleet.cloud, endpoint: endpointNamedBy(fleet.endpoint, Functions.Check) };
  const read = (After: string | null) =>
    ask(checker, checkAnswer, {
      path: '/Berth.Check',
      headers: {},
      body: JSON.stringify({ After } satisfies CheckMessage),
      timeout: ANSWER_TIMEOUT_MS,
    });
  const at = new Date().toISOString();
  const found = new Map<string, Finding>();
  let items = 0;
  const shown = progress();
  try {
    for await (const { Findings, Items } of pagesOf(read)) {
      for (const finding of Findings) found.set(finding.Id, fromWire(finding));
      items += Items;
      shown.tell(`${items} items read, ${found.size} findings`);
    }
  } finally {
    shown.end();
  }
  return { at, items, findings: [...found.values()] };
}

const fromWire = ({ Damage, Where, What, IsLeftover, Id }: FindingLine): Finding => ({
  damage: Damage,
  where: Where,
  what: What,
  isLeftover: IsLeftover,
  id: Id,
});

/** What a sweep clears by itself is damage if it was there long before. */
export function sinceEarlier(seen: Report, earlier: Report | undefined): Report {
  if (earlier === undefined || Date.parse(seen.at) < Date.parse(earlier.at) + SWEPT_MS) return seen;
  const before = new Set(earlier.findings.map(({ id }) => id));
  const findings = seen.findings.map((one) => ({ ...one, isLeftover: one.isLeftover && !before.has(one.id) }));
  return { ...seen, findings };
}

/** A table for people. */
export function describe({ items, findings }: Report): string {
  const damage = findings.filter(({ isLeftover }) => !isLeftover);
  const left = findings.length - damage.length;
  const verdict =
    damage.length === 0 ? 'the table is sound' : `${damage.length} finding${damage.length === 1 ? '' : 's'}`;
  const more = left === 0 ? '' : `; the sweep clears ${left} more by itself within hours`;
  const rows = findings.map(({ damage: kind, where, what, isLeftover }) => [
    isLeftover ? `(${kind})` : kind,
    where,
    what,
  ]);
  const columns = [{ head: 'DAMAGE' }, { head: 'WHERE' }, { head: 'WHAT' }];
  const table = rows.length === 0 ? '' : `${tableOf(columns, rows)}\n`;
  return `${table}${verdict}: ${items} items read${more}`;
}

function writeReport(file: string, seen: Report): void {
  try {
    writeFileSync(file, `${toJson(seen)}\n`);
  } catch (error) {
    throw new UserError(`cannot write the report to ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** @throws UsageError when the file is no report. */
export function readReport(file: string): Report {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read the report: ${messageOf(error)}`, { cause: error });
  }
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), report), text);
  if (parsed.success) return parsed.output;
  throw new UsageError(`${file} is not a report of berth check; berth check --report FILE writes one`);
}
