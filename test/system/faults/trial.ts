/** Every call of dockerd, all at once, on one host that something befalls. */
import type { Difference } from './differences.ts';
import type { Told } from './dockerd.ts';
import { FaultyHost, type HostsCloud } from './host.ts';
import { type Subnet, scenarios } from './scenarios.ts';

export interface Report {
  /** By scenario: what dockerd was told, or why it could make nothing of it. */
  readonly told: ReadonlyMap<string, Told | Error>;
  /** Bytes that came without being asked for. */
  readonly surplus: readonly string[];
  /** Where the table and dockerd disagree when all is quiet. */
  readonly differences: readonly Difference[];
  readonly exitCode: number | null;
  /** s in which the shim was told to answer. */
  readonly deadline: number;
}

export type Misfortune = (host: FaultyHost) => Promise<void> | void;

let trials = 0;

/** The number of the next trial: none gets in the way of another. */
export const nextTrial = (): number => trials++;

/** The misfortune lasts until every call is answered; then the cloud is well again. */
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
 * Of one call of a trial: a /26 of the range that is set aside for benchmarks (RFC 2544), clear of what automatic pools are
 * cut from.
 */
export function subnetOf(trial: number, index: number): Subnet {
  const n = trial * Object.keys(scenarios).length + index;
  const at = (host: number): string => `198.${18 + (n >> 10)}.${(n >> 2) & 255}.${(n & 3) * 64 + host}`;
  if (n >= 2 ** 11) throw new Error('the range is used up');
  return { cidr: `${at(0)}/26`, address: at(33) };
}
