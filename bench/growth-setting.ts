/** What the cases of `bench:growth` have in common. */
import { registerHost } from '../functions/ipam/hosts/register.ts';
import type { Host } from '../test/support/fleet.ts';
import type { Cost } from '../test/support/meter.ts';
import type { Target } from './figures.ts';
import { type Setting, setting } from './setting.ts';

export interface Grown {
  readonly what: string;
  readonly size: string;
  readonly cost: Cost;
  readonly targets: readonly Target[];
}

export type Case = (seed: number) => Promise<readonly Grown[]>;

const principalOf = (id: string): string => `arn:aws:sts::123456789012:assumed-role/berth-host/${id}`;

export async function within<T>(seed: number, operation: (at: Setting) => Promise<T>): Promise<T> {
  const at = await setting(seed);
  try {
    return await operation(at);
  } finally {
    await at.close();
  }
}

export async function measured(at: Setting, operation: () => Promise<unknown>): Promise<Cost> {
  const { outcome, cost } = await at.meter.measure(operation);
  if (outcome.status === 'rejected') throw outcome.reason;
  return cost;
}

export const divided = (cost: Cost, by: number): Cost => ({
  requests: cost.requests / by,
  roundTrips: cost.roundTrips / by,
  writeUnits: cost.writeUnits / by,
  readUnits: cost.readUnits / by,
  lost: cost.lost / by,
});

/** @returns its next incarnation, and whether it has to register again at once. */
export async function register(
  at: Setting,
  host: Host,
  id: string,
  incarnation?: string,
): Promise<{ incarnation: string; isWaking: boolean }> {
  const proposed = at.world.random(24);
  const call = host.call({ deadline: at.world.now() + 1_000_000 });
  const { isWaking } = await registerHost(at, call, {
    principal: principalOf(id),
    incarnation,
    proposed,
    shimVersion: '0.1.0',
    engineVersion: '28.5.2',
  });
  return { incarnation: proposed, isWaking };
}

export const sumOf = (costs: readonly Cost[]): Cost => ({
  requests: costs.reduce((sum, cost) => sum + cost.requests, 0),
  roundTrips: costs.reduce((sum, cost) => sum + cost.roundTrips, 0),
  writeUnits: costs.reduce((sum, cost) => sum + cost.writeUnits, 0),
  readUnits: costs.reduce((sum, cost) => sum + cost.readUnits, 0),
  lost: costs.reduce((sum, cost) => sum + cost.lost, 0),
});
