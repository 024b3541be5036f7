/** Where the figures go: between the markers of their section in docs/performance.md. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { InvalidArgumentError } from 'commander';

const DOCUMENT = path.join(import.meta.dirname, '../../docs/performance.md');

export async function writeFigures(section: string, text: string): Promise<void> {
  const document = await readFile(DOCUMENT, 'utf8');
  const markers = new RegExp(`(<!-- ${section} -->\n)[^]*(<!-- /${section} -->)`);
  if (!markers.test(document)) throw new Error(`${DOCUMENT} has no place for the figures of ${section}`);
  await writeFile(
    DOCUMENT,
    document.replace(markers, (_, start: string, end: string) => `${start}\n${text}\n\n${end}`),
  );
}

/** An option's value. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number');
  return Number(text);
}
