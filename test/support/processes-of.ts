/** The processes of this machine that a test has started, directly or not, whatever their parent is now. */
import { readFileSync, readdirSync } from 'node:fs';
import { randomUUID } from 'node:crypto';

const NAME = 'BERTH_TEST_MARK';

export interface Mark {
  /** Must be in the environment of the first process: all its descendants inherit it. */
  readonly environment: Readonly<Record<string, string>>;
  /** The processes that have it and have not ended: the command line of each, by process id. */
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

/** Empty for a process that has ended, even if its parent has not waited for it yet. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
