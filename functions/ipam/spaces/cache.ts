/** Caches for how long spaces remember silent hosts, so that a heartbeat costs no extra read. */
import type { Deps } from '../deps.ts';
import { configOf } from '../space.ts';

/** ms for which a change of a space may not be seen. */
const ENTRY_LIFETIME_MS = 60_000;
const MAX_SPACES = 1_000;

export class SpaceMemory {
  readonly #deps: Deps;
  readonly #known = new Map<string, { readonly forgetAfter: number; readonly until: number }>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** @returns ms */
  async forgetAfter(space: string): Promise<number> {
    const { store, world } = this.#deps;
    const known = this.#known.get(space);
    if (known !== undefined && world.now() < known.until) return known.forgetAfter;
    const { forgetAfter } = configOf(space, await store.readSpace(space));
    if (this.#known.size >= MAX_SPACES) this.#known.clear();
    this.#known.set(space, { forgetAfter, until: world.now() + ENTRY_LIFETIME_MS });
    return forgetAfter;
  }
}
