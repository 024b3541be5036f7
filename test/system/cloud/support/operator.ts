/** The operator: runs the commands of the documents as they are written, with the keys of the account's root or others. */
import type { Outcome } from '../../engine/support/command.ts';
import type { Checkout } from './checkout.ts';
import { type Emulator, type Keys, REGION, ROOT_KEYS } from './emulator.ts';
import type { Manual } from './manual.ts';

export interface Doing {
  /** Values for the placeholders of the command. */
  readonly words?: Readonly<Record<string, string>>;
  /** What is added to the command. */
  readonly more?: string;
  readonly keys?: Keys;
}

/** ms, on a quiet machine. */
const LONGEST = 120_000;

export class Operator {
  readonly #emulator: Emulator;
  readonly #checkout: Checkout;
  readonly #manual: Manual;

  constructor(emulator: Emulator, checkout: Checkout, manual: Manual) {
    this.#emulator = emulator;
    this.#checkout = checkout;
    this.#manual = manual;
  }

  /** Runs a command of the documents, in the checkout. @returns what it printed. @throws Error when it fails. */
  async does(command: string, doing: Doing = {}): Promise<string> {
    const { code, stdout, stderr } = await this.tries(command, doing);
    if (code !== 0) throw new Error(`${command}: exit code ${code}\n${stdout}${stderr}`);
    return stdout + stderr;
  }

  /** The same, for a command that may fail. */
  tries(command: string, { words = {}, more = '', keys = ROOT_KEYS }: Doing = {}): Promise<Outcome> {
    const whole = `${this.#manual.take(command, words)} ${more}`.trim();
    const env = { ...this.#emulator.trust, ...keys, AWS_DEFAULT_REGION: REGION, AWS_PAGER: '' };
    const options = { env, cwd: this.#checkout.folder, timeoutMs: LONGEST };
    return this.#emulator.place.run('sh', ['-ec', whole], options);
  }
}
