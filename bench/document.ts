/** Reads and writes figures between the markers of their section in a document. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { InvalidArgumentError } from 'commander';
import { root } from '../test/support/repository.ts';

const between = (section: string): RegExp =>
  new RegExp(`(?<start><!-- ${section} -->\n)(?<text>[^]*)(?<end><!-- /${section} -->)`);

export async function writeFigures(section: string, text: string, name = 'docs/performance.md'): Promise<void> {
  const file = path.join(root, name);
  const document = await readFile(file, 'utf8');
  const markers = between(section);
  if (!markers.test(document)) throw new Error(`${name} has no place for the figures of ${section}`);
  await writeFile(
    file,
    document.replace(markers, (_, start: string, __, end: string) => `${start}\n${text}\n\n${end}`),
  );
}

/** The text between the markers of a section. */
export async function readFigures(section: string, name: string): Promise<string> {
  const found = between(section).exec(await readFile(path.join(root, name), 'utf8'));
  if (found === null) throw new Error(`${name} has no place for the figures of ${section}`);
  return (found.groups?.['text'] ?? '').trim();
}

/** Parses the value of an option. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number');
  return Number(text);
}
