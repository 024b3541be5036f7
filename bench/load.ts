/** Containers that come and go: pairs of RequestAddress and ReleaseAddress, a given number of them in flight. */
import type { Caller } from './callers.ts';

/** The times of calls, in ms. */
export interface Times {
  readonly requests: number[];
  readonly releases: number[];
}

export interface Tally extends Times {
  /** ms from the first call until the functions had received the last. */
  elapsed: number;
}

/** One way to the functions, with a network of its own. */
export interface Way {
  readonly name: string;
  readonly call: Caller;
  readonly poolId: string;
  /** Resolves when the functions have received all calls. */
  readonly settled: () => Promise<void>;
}

let endpoints = 0;

/** Each container is a new one to Docker: it has a MAC that was never used. */
function nextMac(): string {
  const bytes = (0x0242_0000_0000 + endpoints++).toString(16).padStart(12, '0').match(/../g) ?? [];
  return bytes.join(':');
}

const MAC_OPTION = 'com.docker.network.endpoint.macaddress';

async function pair({ call, poolId: PoolID }: Way, times: Times): Promise<void> {
  const asked = await call('RequestAddress', { PoolID, Address: '', Options: { [MAC_OPTION]: nextMac() } });
  const [Address = ''] = asked.answer.Address.split('/');
  const released = await call('ReleaseAddress', { PoolID, Address });
  times.requests.push(asked.time);
  times.releases.push(released.time);
}

/** Adds to a tally. @throws Error when a call is refused or fails. */
export async function drive(way: Way, pairs: number, inFlight: number, tally: Tally): Promise<void> {
  const began = performance.now();
  let left = pairs;
  const work = async (): Promise<void> => {
    while (left-- > 0) await pair(way, tally);
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  await way.settled();
  tally.elapsed += performance.now() - began;
}

export const emptyTally = (): Tally => ({ requests: [], releases: [], elapsed: 0 });

/** In turns, so that a machine that slows down affects each of them. */
export async function compare(ways: readonly Way[], pairs: number, inFlight: number, turns: number): Promise<Tally[]> {
  const tallies = ways.map(emptyTally);
  for (let turn = 0; turn < turns; turn++) {
    for (const [i, way] of ways.entries()) {
      await drive(way, Math.ceil(pairs / turns), inFlight, tallies[i] ?? emptyTally());
    }
  }
  return tallies;
}

/** Nearest rank. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? NaN;
}
