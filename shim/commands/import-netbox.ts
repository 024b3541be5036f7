/** Files of NetBox in its CSV format: as its export writes them, or as its own import takes them. */
import { CsvError, parse } from 'csv-parse/sync';
import { type Range, cidrRange, parseAddress, parseCidr } from '../../protocol/address.ts';
import { UserError } from '../user-error.ts';
import type { Wish } from './import-plan.ts';

/** Names of the columns in lower case with `_`, as the import has them, and the heads of the export's table. */
const COLUMNS = {
  prefix: ['prefix'],
  from: ['start_address'],
  to: ['end_address'],
  address: ['address', 'ip_address'],
  status: ['status'],
  vrf: ['vrf'],
  description: ['description'],
} as const;

type Column = keyof typeof COLUMNS;

/** What NetBox's export writes for the VRF of what has none. */
const GLOBAL = 'global';

interface Row {
  readonly file: string;
  readonly line: number;
  readonly cells: ReadonlyMap<Column, string>;
}

/**
 * What the rows of a file ask for.
 *
 * @param vrf the VRF whose rows are taken; `undefined`: all rows have the same one.
 * @throws UserError that names file, line and column.
 */
export function netboxWishes(file: string, text: string, vrf: string | undefined): Wish[] {
  const rows = rowsOf(file, text).filter((row) => vrf === undefined || vrfOf(row) === vrf);
  const [first] = rows;
  const other = rows.find((row) => first !== undefined && vrfOf(row) !== vrfOf(first));
  if (first !== undefined && other !== undefined) {
    const names = [first, other].map((row) => vrfOf(row) || GLOBAL).join(' and ');
    throw wrong(other, 'vrf', `the file has rows of several VRFs (${names}), and a space is one; choose with --vrf`);
  }
  return rows.map(wishOf);
}

/** '': the global table. */
function vrfOf({ cells }: Row): string {
  const name = cells.get('vrf') ?? '';
  return name.toLowerCase() === GLOBAL ? '' : name;
}

function rowsOf(file: string, text: string): Row[] {
  const [heads, ...records] = recordsOf(file, text);
  if (heads === undefined)
    throw new UserError(`${file}: the file is empty; NetBox's CSV begins with a line of columns`);
  const columns = heads.record.map(columnOf);
  const has = (column: Column) => columns.includes(column);
  if (!has('prefix') && !(has('from') && has('to')) && !has('address')) {
    throw new UserError(
      `${file}:${heads.line}: no column prefix, start_address and end_address, or address: not a CSV file of NetBox's ` +
        'prefixes, IP ranges or IP addresses',
    );
  }
  return records.map(({ line, record }) => ({
    file,
    line,
    cells: new Map(record.flatMap((cell, i) => (columns[i] === undefined ? [] : [[columns[i], cell.trim()] as const]))),
  }));
}

function recordsOf(file: string, text: string): { readonly line: number; readonly record: readonly string[] }[] {
  const seen: { line: number; record: string[] }[] = [];
  let line = 1;
  try {
    parse(text, {
      bom: true,
      skip_empty_lines: true,
      on_record: (record: string[], { lines }) => {
        seen.push({ line, record });
        line = lines + 1;
        return null;
      },
    });
    return seen;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new UserError(`${file}: ${error.message}`, { cause: error });
  }
}

function columnOf(head: string): Column | undefined {
  const name = head.trim().toLowerCase().replaceAll(/\W+/g, '_');
  const found = Object.entries(COLUMNS).find(([, names]) => names.some((each) => each === name));
  return isColumn(found?.[0]) ? found[0] : undefined;
}

const isColumn = (name: string | undefined): name is Column => name !== undefined && name in COLUMNS;

function wishOf(row: Row): Wish {
  const { cells, file, line } = row;
  const from = `${file}:${line}`;
  const note = cells.get('description') ?? '';
  const status = (cells.get('status') ?? '').toLowerCase();
  if (status === '') throw wrong(row, 'status', 'is empty or missing; NetBox gives each row one');
  const isOver = status === 'deprecated';
  if (cells.has('prefix')) {
    const kind = status === 'container' ? 'range' : 'exclusion';
    return { kind: isOver ? 'past' : kind, what: cells.get('prefix') ?? '', range: prefixOf(row), from, note };
  }
  if (cells.has('from')) {
    const range = rangeOf(row);
    const what = `${cells.get('from') ?? ''} to ${cells.get('to') ?? ''}`;
    return { kind: isOver ? 'past' : 'exclusion', what, range, from, note };
  }
  const { family, value } = addressOf(row, 'address');
  const what = cells.get('address') ?? '';
  return { kind: isOver ? 'past' : 'address', what, range: { family, first: value, last: value }, from, note };
}

function prefixOf(row: Row): Range {
  const text = row.cells.get('prefix') ?? '';
  const cidr = parseCidr(text);
  if (cidr === undefined) throw wrong(row, 'prefix', `${JSON.stringify(text)} is not a prefix such as 10.1.0.0/16`);
  return cidrRange(cidr);
}

function rangeOf(row: Row): Range {
  const [from, to] = [addressOf(row, 'from'), addressOf(row, 'to')];
  if (from.family === to.family && from.value <= to.value) {
    return { family: from.family, first: from.value, last: to.value };
  }
  throw wrong(row, 'to', 'comes before the start address, or is of another family');
}

/** NetBox writes the length of the subnet behind an address. */
function addressOf(row: Row, column: Column) {
  const text = row.cells.get(column) ?? '';
  const [address = ''] = text.split('/');
  const parsed = parseAddress(address);
  if (parsed !== undefined) return parsed;
  throw wrong(row, column, `${JSON.stringify(text)} is not an address such as 10.1.0.7/16`);
}

const wrong = ({ file, line }: Row, column: Column, why: string): UserError =>
  new UserError(`${file}:${line}: column ${COLUMNS[column][0]}: ${why}`);
