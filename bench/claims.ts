/** RequestAddress in pools that are more or less full, by one caller or by concurrent callers. */
import type { GrantedPool } from '../functions/ipam/pools/request-pool.ts';
import { Refusal } from '../functions/ipam/refusal.ts';
import { cidr } from '../test/support/addresses.ts';
import { Host } from '../test/support/fleet.ts';
import type { Cost } from '../test/support/meter.ts';
import { type Figures, type Target, atMost, figuresOf } from './figures.ts';
import { type Setting, choose, occupy, offsets } from './setting.ts';

export interface Cell {
  readonly pool: string;
  /** Percentage of the addresses that are held. */
  readonly fill: number;
  readonly callers: number;
}

export interface CellResult extends Cell {
  readonly granted: Figures;
  readonly full: Figures;
  /** Answered with "try again". */
  readonly busy: number;
  readonly targets: readonly Target[];
}

/** ms after which every freed address has cooled down. */
const COOLED_DOWN_MS = 60_000;

/** Calls whose mean is within a twentieth of the true one, if each takes one write or two with equal probability. */
const MIN_CALLS_TO_JUDGE = 700;

interface Network {
  readonly host: Host;
  readonly net: GrantedPool;
}

/** Hosts with a network each on one pool, filled to the given percentage. */
async function crowd(at: Setting, { pool, fill }: Cell, hosts: number, seed: number): Promise<Network[]> {
  const networks: Network[] = [];
  for (let i = 0; i < hosts; i++) {
    const host = new Host(at, `bench-${i}`);
    networks.push({ host, net: await host.pool({ pool }) });
  }
  const generation = networks[0]?.net.poolId.split(',')[4] ?? '';
  const all = offsets(cidr(pool));
  const free = Math.max(1, Math.round((all.length * (100 - fill)) / 100));
  const [gateway] = await at.store.readChunks(generation, 0n, 0n);
  await occupy(at, generation, choose(all, free, seed), gateway?.slots[1] ?? '');
  return networks;
}

/** @param calls the least number of calls, as many at once as there are callers; then they release what they got. */
export async function measureCell(at: Setting, cell: Cell, calls: number, seed: number): Promise<CellResult> {
  const networks = await crowd(at, cell, cell.callers, seed);
  const granted: Cost[] = [];
  const full: Cost[] = [];
  let busy = 0;
  for (let made = 0; made < calls; made += cell.callers) {
    const answers = await Promise.all(
      networks.map(async ({ host, net }) => ({ host, net, ...(await at.meter.measure(() => host.address(net))) })),
    );
    for (const { host, net, outcome, cost } of answers) {
      if (outcome.status === 'fulfilled') {
        granted.push(cost);
        await host.release(net, outcome.value);
      } else if (!(outcome.reason instanceof Refusal)) throw outcome.reason;
      else if (outcome.reason.code === 'no-address-left') full.push(cost);
      else busy++;
    }
    at.world.advance(COOLED_DOWN_MS);
  }
  for (const { host, net } of networks) await host.leave(net);
  const figures = figuresOf(granted);
  return { ...cell, granted: figures, full: figuresOf(full), busy, targets: targetsOf(cell, figures) };
}

/**
 * What a claim may cost. Callers that take more than an eighth of the free addresses at once leave the pool fuller than
 * the cell says: only the cells at 99 % hold for up to 64 callers, whatever is left.
 */
function targetsOf({ pool, fill, callers }: Cell, { calls, writeUnits, medianRoundTrips }: Figures): Target[] {
  const free = (offsets(cidr(pool)).length * (100 - fill)) / 100;
  if (fill === 99) return [atMost('write units', writeUnits, 2.2)];
  if (fill > 50 || callers > free / 8) return [];
  // Half of the calls take one write and half take two: the mean of a few calls says little.
  if (fill === 50) return calls < MIN_CALLS_TO_JUDGE ? [] : [atMost('write units', writeUnits, 1.6)];
  return [atMost('write units', writeUnits, 1.2), atMost('round trips, median', medianRoundTrips, 1)];
}
