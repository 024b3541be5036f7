/** Fleets that an operator has given names, in a file of the operator's own: where each is, and who asks it. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { messageOf } from '../error-message.ts';
import { readIfThere, writeDurably } from '../files.ts';
import { configFolder } from '../settings.ts';
import { UsageError } from '../user-error.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const context = v.strictObject({
  name: v.pipe(v.string(), v.regex(NAME)),
  endpoint: v.string(),
  /** AWS region, if the endpoint's name does not contain it. */
  region: v.optional(v.string()),
  /** Of AWS's configuration: whose credentials sign. */
  profile: v.optional(v.string()),
});
export type Context = v.InferOutput<typeof context>;

const contexts = v.strictObject({
  version: v.literal(1),
  /** The name of the context that is used where no other is named. */
  current: v.optional(v.string()),
  contexts: v.array(context),
});
type Contents = v.InferOutput<typeof contexts>;

export const contextsFile = (): string => path.join(configFolder(), 'contexts.json');

/** Reads the file at each question, since each command asks once. Of two changes at the same moment, one may be lost, but whole. */
export class Contexts {
  readonly #file: string;

  constructor(file = contextsFile()) {
    this.#file = file;
  }

  /** By name. @throws UsageError when the file is damaged. */
  list(): readonly Context[] {
    return this.#read().contexts.toSorted((a, b) => a.name.localeCompare(b.name));
  }

  /** The context that is used. `undefined`: none. @throws UsageError when the file is damaged. */
  current(): Context | undefined {
    const { current } = this.#read();
    return current === undefined ? undefined : this.named(current);
  }

  /** @throws UsageError when there is no such context, or the file is damaged. */
  named(name: string): Context {
    const { contexts: all } = this.#read();
    const found = all.find((each) => each.name === name);
    if (found !== undefined) return found;
    const known = all.length === 0 ? 'there are no contexts' : `there are ${all.map((each) => each.name).join(', ')}`;
    throw new UsageError(`no context ${JSON.stringify(name)}; ${known} (berth context set NAME --endpoint URL)`);
  }

  /** Adds a context, or replaces the one of this name. @throws UsageError for a bad name. */
  set(added: Context): void {
    if (!NAME.test(added.name)) {
      throw new UsageError(
        `bad context name ${JSON.stringify(added.name)}: letters, digits and . _ - only, at most 64, the first a letter or digit`,
      );
    }
    const { contexts: all, ...rest } = this.#read();
    this.#write({ ...rest, contexts: [...all.filter(({ name }) => name !== added.name), added] });
  }

  use(name: string): Context {
    const used = this.named(name);
    this.#write({ ...this.#read(), current: name });
    return used;
  }

  remove(name: string): void {
    this.named(name);
    const { contexts: all, current, version } = this.#read();
    const kept = all.filter((each) => each.name !== name);
    this.#write({ version, ...(current !== undefined && current !== name && { current }), contexts: kept });
  }

  #read(): Contents {
    let text: string | undefined;
    try {
      text = readIfThere(this.#file);
    } catch (error) {
      throw new UsageError(`the contexts cannot be read: ${messageOf(error)}`, { cause: error });
    }
    if (text === undefined) return { version: 1, contexts: [] };
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), contexts), text);
    if (parsed.success) return parsed.output;
    // To go on without it might ask another fleet than the operator means.
    throw new UsageError(`${this.#file} is damaged (${parsed.issues[0].message}); correct it, or remove it`);
  }

  #write(contents: Contents): void {
    try {
      mkdirSync(path.dirname(this.#file), { recursive: true, mode: 0o700 });
      // Two commands at once must not mix their texts in one temporary file.
      writeDurably(this.#file, `${JSON.stringify(contents, null, 2)}\n`, `${this.#file}.${process.pid}`);
    } catch (error) {
      throw new UsageError(`the contexts cannot be written: ${messageOf(error)}`, { cause: error });
    }
  }
}
