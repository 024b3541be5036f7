/** The commands in the documents, and which of them a test has run. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../../../support/repository.ts';

/** The first words of commands; an indented block also has queries of CloudWatch Logs Insights. */
const PROGRAMS = /^(npm|npx|node|git|aws|berth|docker|systemctl|for|while|filter|stats)\s/;
const COMMENT = /\s+#.*$/;

export class Manual {
  /** Each command as it is written, without comments, with the lines of its block. */
  readonly commands: ReadonlySet<string>;
  readonly #run = new Set<string>();

  /** @param files paths below docs/. */
  constructor(files: readonly string[]) {
    const texts = files.map((file) => readFileSync(path.join(root, 'docs', file), 'utf8'));
    this.commands = new Set(texts.flatMap(commandsOf));
  }

  /** Records that a command is run. @returns the command, with values for its placeholders. */
  take(command: string, words: Readonly<Record<string, string>> = {}): string {
    assert.ok(this.commands.has(command), `no document has the command: ${command}`);
    this.#run.add(command);
    const all = Object.keys(words).join('|');
    return all === ''
      ? command
      : command.replace(new RegExp(`(?<!\\w)(${all})(?!\\w)`, 'g'), (word) => words[word] ?? word);
  }

  /** The only command with this text. */
  find(text: string): string {
    const [found, ...others] = [...this.commands].filter((command) => command.includes(text));
    assert.ok(
      found !== undefined && others.length === 0,
      `the documents have ${others.length + 1} commands with: ${text}`,
    );
    return found;
  }

  get taken(): string[] {
    return [...this.commands].filter((command) => this.#run.has(command));
  }

  /** Commands that were not run, except for those that are the first words of a command that was run. */
  get left(): string[] {
    return [...this.commands].filter((command) => !this.taken.some((done) => isSaidBy(command, done)));
  }
}

const isSaidBy = (short: string, whole: string): boolean =>
  short === whole || whole.startsWith(`${short.replace(/ …$/, '')} `);

function commandsOf(text: string): string[] {
  const fenced = [...text.matchAll(/^( *)```sh\n([^]*?)^ *```$/gm)].map(([, indent = '', block = '']) =>
    block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
  const rest = text.replaceAll(/^ *```[^]*?^ *```$/gm, '');
  const indented = [...rest.matchAll(/(?<=\n\n)(?: {4}\S.*\n)+/g)].map(([block]) => block.replaceAll(/^ {4}/gm, ''));
  const inline = [...rest.matchAll(/(?<!`)`([^`]+)`(?!`)/g)].map(([, code = '']) => code.replaceAll(/\s+/g, ' '));
  const whole = [...fenced, ...indented].flatMap(statementsOf);
  return [...whole, ...inline].filter((command) => PROGRAMS.test(`${command} `));
}

/** A block's statements: a line that ends in a backslash continues, and a loop ends with `done`. */
function statementsOf(block: string): string[] {
  const statements: string[] = [];
  let open = '';
  for (const line of block.trimEnd().split('\n')) {
    open += open === '' ? line.replace(COMMENT, '') : `\n${line}`;
    const loops = (open.match(/\bdo$/gm) ?? []).length - (open.match(/^\s*done\b/gm) ?? []).length;
    if (open.endsWith('\\') || loops > 0) continue;
    statements.push(open);
    open = '';
  }
  return statements.filter((statement) => statement !== '');
}
