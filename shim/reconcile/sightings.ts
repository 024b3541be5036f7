/**
 * Which networks of this host each Docker was seen with, across restarts: only a network that a Docker had can be missing
 * there. If the file is lost with the disk, nothing counts as missing until it has been seen again.
 */
import path from 'node:path';
import * as v from 'valibot';
import { readIfThere, writeDurably } from '../files.ts';

/** By the id of an engine, the keys of networks. */
const stored = v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.array(v.string())));

export class Sightings {
  readonly #file: string;
  #seen: ReadonlyMap<string, ReadonlySet<string>>;

  constructor(folder: string) {
    this.#file = path.join(folder, 'sightings.json');
    const parsed = v.safeParse(stored, readIfThere(this.#file) ?? '{}');
    const known = parsed.success ? parsed.output : {};
    this.#seen = new Map(Object.entries(known).map(([engine, keys]) => [engine, new Set(keys)]));
  }

  /** Whether that engine was ever seen with that network. */
  has(engine: string, key: string): boolean {
    return this.#seen.get(engine)?.has(key) === true;
  }

  /**
   * Notes what an engine is seen with.
   *
   * @param all the existing networks; others are forgotten.
   */
  note(engine: string, keys: readonly string[], all: readonly string[]): void {
    const known = new Set(all);
    const next = new Map(this.#seen).set(engine, new Set([...(this.#seen.get(engine) ?? []), ...keys]));
    const kept = [...next]
      .map(([id, seen]) => [id, [...seen].filter((key) => known.has(key))] as const)
      .filter(([, seen]) => seen.length > 0);
    const text = JSON.stringify(Object.fromEntries(kept));
    const isNew = text !== this.#text();
    this.#seen = new Map(kept.map(([id, seen]) => [id, new Set(seen)]));
    if (isNew) writeDurably(this.#file, text);
  }

  #text(): string {
    return JSON.stringify(Object.fromEntries([...this.#seen].map(([id, seen]) => [id, [...seen]])));
  }
}
