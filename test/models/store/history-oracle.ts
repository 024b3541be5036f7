/** What a look at the table after each step has shown of each address: the truth that answers are judged by. */
import type { AddressState } from '../../../functions/ipam/views/addresses.ts';

/** ms, the default of a pool. */
const COOLDOWN_MS = 30_000;

export class Oracle {
  readonly #seen = new Map<string, { readonly second: number; readonly state: AddressState | undefined }[]>();

  see(address: string, second: number, state: AddressState | undefined): void {
    const list = this.#seen.get(address) ?? [];
    list.push({ second, state });
    this.#seen.set(address, list);
  }

  /** When it was looked at. */
  secondsOf(address: string): number[] {
    return (this.#seen.get(address) ?? []).map(({ second }) => second);
  }

  /** What was true in a second, and whether something changed in it. */
  at(address: string, second: number): { states: string[]; isChanging: boolean } {
    const list = this.#seen.get(address) ?? [];
    const before = list.filter((seen) => seen.second < second).at(-1);
    const within = list.filter((seen) => seen.second === second);
    const states = [...(before === undefined ? [undefined] : [before.state]), ...within.map(({ state }) => state)];
    return { states: [...new Set(states.flatMap((state) => wordsOf(state, second)))], isChanging: within.length > 0 };
  }
}

function wordsOf(state: AddressState | undefined, second: number): string[] {
  if (state === undefined) return ['no-pool'];
  if (state.state !== 'resting') return [`${state.state} ${state.host} ${state.mac} ${state.endpoint}`.trim()];
  const rested = (state.since ?? 0) + COOLDOWN_MS;
  if (rested >= (second + 1) * 1_000) return ['resting'];
  return rested > second * 1_000 ? ['resting', 'free'] : ['free'];
}
