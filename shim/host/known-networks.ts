/**
 * The PoolIDs of the networks that dockerd was given and has not released. Once the fleet has given a network up, only
 * this file knows its PoolID. It is lost with the disk, and may lack the last call after a power loss; the networks that
 * are missing from it are then reported as unknown.
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
    if (!parsed.success) warn(`${this.#file} is damaged and is written again`);
  }

  get poolIds(): readonly string[] {
    return [...this.#poolIds];
  }

  /** Call it before dockerd is answered. */
  granted(poolId: string): void {
    this.#poolIds.add(poolId);
    this.#write();
  }

  released(poolId: string): void {
    if (this.#poolIds.delete(poolId)) this.#write();
  }

  /** A full disk must not fail dockerd's call: the next write contains what this one could not. */
  #write(): void {
    try {
      writeFileSync(`${this.#file}.new`, JSON.stringify(this.poolIds), { mode: 0o600 });
      renameSync(`${this.#file}.new`, this.#file);
    } catch (error) {
      this.#warn(`cannot save which networks this host has: ${String(error)}`);
    }
  }
}
