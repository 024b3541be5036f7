/** Makes every call of dockerd at once, on one host that has a fault. */
import type { Difference } from './differences.ts';
import type { Told } from './dockerd.ts';
import { FaultyHost, type HostsCloud } from './host.ts';
import { type Subnet, scenarios } from './scenarios.ts';

export interface Report {
  /** By scenario: the answer that dockerd got, or why it could not use it. */
  readonly told: ReadonlyMap<string, Told | Error>;
  /** Unrequested bytes. */
  readonly surplus: readonly string[];
  /** Where the table and dockerd differ once nothing is in flight. */
  readonly differences: readonly Difference[];
  readonly exitCode: number | null;
  /** The shim's deadline for answers, in s. */
  readonly deadline: number;
}

export type Misfortune = (host: FaultyHost) => Promise<void> | void;

let trials = 0;

/** The number of the next trial, so that trials do not collide. */
export const nextTrial = (): number => trials++;

/** The fault lasts until every call is answered; then the cloud works again. */
export async function tryAll(cloud: HostsCloud, trial: number, befall: Misfortune): Promise<Report> {
  const host = await FaultyHost.start(cloud, `h${trial}`);
  try {
    const calls = await Promise.all(
      Object.entries(scenarios).map(async ([name, { prepare }], index) => {
        const subnet = subnetOf(trial, index);
        return [name, await prepare(host.dockerd(), subnet)] as const;
      }),
    );
    await befall(host);
    const told = await Promise.all(calls.map(async ([name, call]) => [name, await call().catch(asError)] as const));
    await host.drain();
    const surplus = host.dockerds.flatMap((dockerd) => (dockerd.surplus === '' ? [] : [dockerd.surplus]));
    const differences = await host.differences();
    const { deadline } = host;
    return { told: new Map(told), surplus, differences, exitCode: await host.stop(), deadline };
  } catch (error) {
    await host.stop();
    throw error;
  }
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/**
 * The subnet of one call of a trial: a /26 of the range for benchmarks (RFC 2544), outside of the range of automatic
 * pools.
 */
export function subnetOf(trial: number, index: number): Subnet {
  const n = trial * Object.keys(scenarios).length + index;
  const at = (host: number): string => `198.${18 + (n >> 10)}.${(n >> 2) & 255}.${(n & 3) * 64 + host}`;
  if (n >= 2 ** 11) throw new Error('the range is used up');
  return { cidr: `${at(0)}/26`, address: at(33) };
}
