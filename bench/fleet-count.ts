/** What idle hosts cost, counted in capacity units, and a straight line through two sizes of fleets. */
import type { HostHealth } from '../functions/ipam/host.ts';
import { registerHost } from '../functions/ipam/hosts/register.ts';
import { FIRST_CURSOR, type SweepCursor } from '../functions/ipam/sweep-cursor.ts';
import { sweep } from '../functions/ipam/sweep/sweep.ts';
import { MAX_REMARK } from '../protocol/limits.ts';
import { Host, withMac } from '../test/support/fleet.ts';
import { withoutFailures } from '../test/support/whole-sweep.ts';
import { type Setting, setting } from './setting.ts';
import { tableBytes } from './table-bytes.ts';

/** As in functions/sweep.ts. */
const MAX_SWEPT_ITEMS = 20_000;
/** The containers of each host, in one network of its own. */
export const CONTAINERS = 4;

export const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;

export interface Units {
  readonly writes: number;
  readonly reads: number;
}

/** The fixed cost of an operation, and its cost for each host. */
export interface Line {
  readonly fixed: Units;
  readonly perHost: Units;
}

export interface Counted {
  readonly heartbeat: Units;
  readonly hosts: Units;
  readonly walk: Units;
  /** Of the table, including its index. */
  readonly bytes: number;
}

async function measured(at: Setting, operation: () => Promise<unknown>): Promise<Units> {
  const { outcome, cost } = await at.meter.measure(operation);
  if (outcome.status === 'rejected') throw outcome.reason;
  return { writes: cost.writeUnits, reads: cost.readUnits };
}

/** The longest that a shim can say of its host. */
const unwell = (now: number): HostHealth => ({
  status: 'degraded',
  reason: 'r'.repeat(MAX_REMARK),
  waiting: 9_999,
  deadLetters: 999,
  findings: 999,
  comparedAt: now,
  refused: 9_999,
  lastRefusal: 'r'.repeat(MAX_REMARK),
});

/** A host that has registered, and its next heartbeat. */
async function enlist(at: Setting, id: string): Promise<() => Promise<unknown>> {
  const host = new Host(at, id);
  let incarnation: string | undefined;
  const beat = async (): Promise<void> => {
    const principal = `arn:aws:sts::123456789012:assumed-role/berth-host/${id}`;
    const versions = { shimVersion: '0.1.0', engineVersion: '28.5.2' };
    const proposed = at.world.random(24);
    await registerHost(at, host.call(), {
      principal,
      incarnation,
      proposed,
      ...versions,
      health: unwell(at.world.now()),
    });
    incarnation = proposed;
  };
  await beat();
  const net = await host.pool();
  for (let i = 0; i < CONTAINERS; i++) await host.address(net, '', withMac(`02:42:ac:11:00:0${i}`));
  return beat;
}

/** One sweep over all hosts, or also a whole walk over all items. */
async function sweepAll(at: Setting, from: Pick<SweepCursor, 'walkedAt'>): Promise<void> {
  let cursor = await at.store.readSweep();
  cursor = { ...FIRST_CURSOR, ...from };
  do {
    ({ cursor } = await withoutFailures(sweep(at, { deadline: Infinity, limit: MAX_SWEPT_ITEMS, cursor })));
    await at.store.writeSweep(cursor);
  } while (cursor.item !== undefined);
}

/** The costs of a fleet of the given number of hosts. */
export async function count(size: number, seed: number): Promise<Counted> {
  const at = await setting(seed);
  try {
    const beats: (() => Promise<unknown>)[] = [];
    for (let i = 0; i < size; i++) beats.push(await enlist(at, `i-${String(i).padStart(17, '0')}`));
    const heartbeat = await measured(at, async () => {
      for (const beat of beats) await beat();
    });
    const hosts = await measured(at, () => sweepAll(at, { walkedAt: at.world.now() }));
    const both = await measured(at, () => sweepAll(at, { walkedAt: 0 }));
    const walk = { writes: both.writes - hosts.writes, reads: both.reads - hosts.reads };
    return { heartbeat, hosts, walk, bytes: await tableBytes(at) };
  } finally {
    await at.close();
  }
}

/** The straight line through the counts at two sizes. */
export function lineOf([few, many]: readonly [number, number], at: Units, then: Units): Line {
  const slope = (of: keyof Units): number => (then[of] - at[of]) / (many - few);
  const perHost = { writes: slope('writes'), reads: slope('reads') };
  // Units are whole, so the line may start slightly below zero.
  const rest = (of: keyof Units): number => Math.max(0, at[of] - few * perHost[of]);
  return { perHost, fixed: { writes: rest('writes'), reads: rest('reads') } };
}

export const daily = ({ fixed, perHost }: Line, hosts: number, every: number): Units => ({
  writes: ((fixed.writes + hosts * perHost.writes) * DAY_MS) / every,
  reads: ((fixed.reads + hosts * perHost.reads) * DAY_MS) / every,
});
