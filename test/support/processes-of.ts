/** The processes of this machine that come from a test, whoever their parent is by now. */
import { readFileSync, readdirSync } from 'node:fs';
import { randomUUID } from 'node:crypto';

const NAME = 'BERTH_TEST_MARK';

export interface Mark {
  /** To be in the environment of the first: all that it starts has it from there. */
  readonly environment: Readonly<Record<string, string>>;
  /** Who has it and has not ended: what each was started with, by process number. */
  bearers(): Map<number, string>;
}

export function mark(): Mark {
  const value = randomUUID();
  return {
    environment: { [NAME]: value },
    bearers: () =>
      new Map(
        readdirSync('/proc')
          .filter((name) => /^\d+$/.test(name) && read(name, 'environ').includes(`${NAME}=${value}`))
          .map((name) => [Number(name), read(name, 'cmdline').replaceAll('\0', ' ')]),
      ),
  };
}

/** Empty for one that has ended, also if nobody has asked how. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
