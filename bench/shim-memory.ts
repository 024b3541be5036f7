/** What the shim retains: its memory and its journal after a number of calls. */
import { collectGarbage } from './collector.ts';
import { drive, emptyTally } from './load.ts';
import { type ShimSetting, sizeOf } from './shim-setting.ts';

export interface MemorySample {
  readonly calls: number;
  /** Resident bytes while it runs. */
  readonly running: number;
  /** Bytes after a garbage collection, like all that follow. */
  readonly resident: number;
  readonly heap: number;
  readonly external: number;
  readonly journal: number;
}

const IN_FLIGHT = 16;
/** The parts of the calls after which samples are taken. */
const SHARES = [0.1, 0.25, 0.5, 0.75, 1];

/** @param at must have a shim that can be inspected. */
export async function watchMemory(at: ShimSetting, calls: number): Promise<MemorySample[]> {
  const samples: MemorySample[] = [];
  let pairs = 0;
  for (const share of SHARES) {
    const due = Math.ceil((calls * share) / 2) - pairs;
    await drive(at.shim, due, IN_FLIGHT, emptyTally());
    pairs += due;
    const { resident: running } = await look(at);
    await collectGarbage(at.log);
    samples.push({ calls: 2 * pairs, running, ...(await look(at)) });
  }
  return samples;
}

async function look({ metrics, journal }: ShimSetting) {
  const told = await metrics();
  const metric = (name: string): number => {
    const value = told.get(name);
    if (value === undefined) throw new Error(`the shim does not report its ${name}`);
    return value;
  };
  return {
    resident: metric('process_resident_memory_bytes'),
    heap: metric('nodejs_heap_size_used_bytes'),
    external: metric('nodejs_external_memory_bytes'),
    journal: sizeOf(journal),
  };
}

/** The most that half of the calls may add, in percent. */
export const MAX_GROWTH_PERCENT = 10;
/** With fewer calls, half of them still belong to the start. */
export const CALLS_TO_JUDGE = 50_000;

/** Whether the second half of the calls has left the memory unchanged, also in words. */
export function judgeMemory(samples: readonly MemorySample[]): { readonly words: string; readonly isMet: boolean } {
  const [half, all] = [samples[SHARES.indexOf(0.5)], samples[SHARES.indexOf(1)]];
  if (half === undefined || all === undefined) throw new Error('the memory was not watched to the end');
  const [resident, heap] = [growth(half.resident, all.resident), growth(half.heap, all.heap)];
  const told =
    `From ${half.calls} to ${all.calls} calls resident memory grew by ${resident.toFixed(1)} %, the heap by ` +
    `${heap.toFixed(1)} %`;
  if (all.calls < CALLS_TO_JUDGE) return { words: `${told}: too few calls to judge`, isMet: true };
  const isMet = resident <= MAX_GROWTH_PERCENT && heap <= MAX_GROWTH_PERCENT;
  return { words: `${told}, of ${MAX_GROWTH_PERCENT} % allowed: ${isMet ? 'flat ✓' : 'it GROWS ✗'}`, isMet };
}

/** In percent. */
const growth = (before: number, after: number): number => (after / before - 1) * 100;
