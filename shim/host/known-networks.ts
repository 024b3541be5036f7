/**
 * The networks that dockerd was given and has not released: their PoolIDs, which nobody else can tell once the fleet has
 * given such a network up. Lost with the disk, or behind by a call after a power loss: then those are told as unknown.
 */
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { readIfThere } from '../files.ts';

const stored = v.pipe(v.string(), v.parseJson(), v.array(v.string()));

export class KnownNetworks {
  readonly #file: string;
  readonly #warn: (message: string) => void;
  readonly #poolIds: Set<string>;

  constructor(folder: string, warn: (message: string) => void) {
    this.#file = path.join(folder, 'networks.json');
    this.#warn = warn;
    const parsed = v.safeParse(stored, readIfThere(this.#file) ?? '[]');
    this.#poolIds = new Set(parsed.success ? parsed.output : []);
    if (!parsed.success) warn(`${this.#file} is damaged: it is written anew`);
  }

  get poolIds(): readonly string[] {
    return [...this.#poolIds];
  }

  /** Before dockerd is told. */
  granted(poolId: string): void {
    this.#poolIds.add(poolId);
    this.#write();
  }

  released(poolId: string): void {
    if (this.#poolIds.delete(poolId)) this.#write();
  }

  /** A disk that is full must cost dockerd no answer: what is missing then is made up for by the next write. */
  #write(): void {
    try {
      writeFileSync(`${this.#file}.new`, JSON.stringify(this.poolIds), { mode: 0o600 });
      renameSync(`${this.#file}.new`, this.#file);
    } catch (error) {
      this.#warn(`cannot write down which networks this host has: ${String(error)}`);
    }
  }
}
