/** What happens to a fleet: each scenario lets hosts do something, and tells what was counted. */
import { HEARTBEAT_MS } from '../../functions/ipam/host.ts';
import { hostKey } from '../../functions/dynamo/keys.ts';
import { DAY_MS } from '../fleet-count.ts';
import { Cloud } from './cloud.ts';
import type { Units } from '../fleet-count.ts';
import type { Settings } from './limits.ts';
import { COMPARE_MS, SimulatedHost } from './simulated-host.ts';
import { type Tally, totalOf } from './tally.ts';
import { ALIVE_NETWORKS, type Operation, type Traces } from './traces.ts';
import { VirtualTime } from './virtual-time.ts';

/** What hosts do, as far as no limit prevents it. All of it is assumed. */
export const LOAD = {
  /** Networks that each host has. */
  networks: ALIVE_NETWORKS,
  /** ms between two starts of containers on a host, and so between two stops, in a day like any other. */
  startEveryMs: 60_000,
  /** Networks that each host creates and removes a day. */
  networksADay: 50,
  /** ms within which all hosts of a fleet boot, and from its shim to its dockerd. */
  bootWithinMs: 60_000,
  dockerAfterMs: 2_000,
  /** ms between two containers that a booting host starts. */
  bootStartEveryMs: 200,
  /** The share of its containers that a host stops, and starts again within a minute, around an hour's outage. */
  stoppedInOutage: 0.1,
  /** ms within which hosts join a pool that join it at once. */
  joinWithinMs: 1_000,
} as const;

/** At most so many hosts, and addresses of theirs, are simulated; beyond that one host stands for several. */
const MOST_SIMULATED = { hosts: 500, addresses: 5_000, joining: 10_000 } as const;
/** After these, the pauses of the outbox are the longest. */
const ATTEMPTS_IN_OUTAGE = 8;
const WARM_UP_MS = 30_000;
const STEADY_MS = 120_000;
/** What is still under way after this is reported as it is then. */
const HORIZON_MS = 600_000;
/** ms after which every call of dockerd is answered. */
export const ANSWERED_MS = 60_000;

export interface Fleet {
  readonly traces: Traces;
  readonly settings: Settings;
  readonly seed: number;
  readonly hosts: number;
  /** Addresses that each host has, 1 to 500. */
  readonly addresses: number;
  /** Units a second that the table took before. */
  readonly previousPeak: Units;
  /** A run that only shows whether too many calls fail: hosts that are simulated at most, and the share that may fail. */
  readonly trial?: { readonly hosts: number; readonly tolerated: number };
}

export interface Outcome {
  readonly tally: Tally;
  /** Hosts for each one that was simulated. */
  readonly weight: number;
  /** ms over which allocations were offered, and were answered. */
  readonly offeredMs: number;
  readonly servedMs: number;
}

interface Stage {
  readonly time: VirtualTime;
  readonly cloud: Cloud;
  readonly hosts: readonly SimulatedHost[];
  readonly weight: number;
}

const SHARED_GENERATION = 'pool shared';
/** Groups of chunks of a /16. */
const GROUPS = 64;

function stage(fleet: Fleet, { isRegistered = false, isShared = false } = {}): Stage {
  const { traces, settings, seed, hosts: count, addresses, previousPeak, trial } = fleet;
  const many = isShared ? MOST_SIMULATED.joining : MOST_SIMULATED.hosts;
  const most = trial?.hosts ?? (isRegistered ? many : MOST_SIMULATED.addresses / addresses);
  const weight = Math.max(1, count / most);
  const time = new VirtualTime(seed);
  const cloud = new Cloud({ time, traces, settings, weight, previousPeak });
  const hosts = Array.from({ length: Math.round(count / weight) }, (_, i) => {
    const id = `i-${String(i).padStart(17, '0')}`;
    const shared = { refs: SHARED_GENERATION, chunks: `${SHARED_GENERATION}, group ${isRegistered ? 0 : i % GROUPS}` };
    const shares = { hosts: hostKey(id).pk, space: `space ${i % settings.spaces}`, ...(isShared && shared) };
    const caller = { id, shares, ...(isShared && { exactItem: SHARED_GENERATION }) };
    return new SimulatedHost({ time, cloud, caller, isRegistered });
  });
  return { time, cloud, hosts, weight };
}

/** Whether a trial is over because more has failed than may. @param calls that are expected. */
function hasFailed({ trial }: Fleet, cloud: Cloud, calls: number): () => boolean {
  const tolerated = (trial?.tolerated ?? Infinity) * calls;
  return () => totalOf(cloud.tally.failures) > tolerated;
}

/** Runs something again and again, at random, on average once in an interval (ms). */
function repeatedly(time: VirtualTime, every: number, activity: () => Promise<unknown>): void {
  time.start(time.gap(every), async () => {
    repeatedly(time, every, activity);
    await activity();
  });
}

/** The calls of dockerd for a network that is created and removed. */
async function network(host: SimulatedHost): Promise<void> {
  const made: readonly Operation[] = ['createPool', 'gateway'];
  for (const operation of made) if (!(await host.request(operation))) return;
  await host.release('releaseGateway');
  await host.release('releasePool');
}

/** Containers start and stop, networks come and go, hosts report and compare. @param peak so many times the usual load. */
export async function steady(fleet: Fleet, peak = 1): Promise<Outcome> {
  const { time, cloud, hosts, weight } = stage(fleet, { isRegistered: true });
  for (const host of hosts) {
    repeatedly(time, LOAD.startEveryMs / peak, () => host.request('requestAddress'));
    repeatedly(time, LOAD.startEveryMs / peak, () => host.release('releaseAddress'));
    repeatedly(time, DAY_MS / LOAD.networksADay / peak, () => network(host));
    time.start(time.random() * HEARTBEAT_MS, () => host.register());
    time.start(time.random() * COMPARE_MS, () => host.compare());
    for (let driver = 0; driver < 2; driver++) time.start(time.random() * COMPARE_MS, () => host.handshake());
  }
  await time.run(WARM_UP_MS);
  cloud.reset();
  await time.run(
    WARM_UP_MS + STEADY_MS,
    hasFailed(fleet, cloud, (hosts.length * STEADY_MS * peak) / LOAD.startEveryMs),
  );
  return { tally: cloud.tally, weight, offeredMs: STEADY_MS, servedMs: STEADY_MS };
}

/**
 * All hosts boot: each releases what its containers had, and starts them again.
 *
 * @param within ms
 * @param horizon ms after which what is still under way is reported as it is then.
 */
export async function reboot(fleet: Fleet, within: number = LOAD.bootWithinMs, horizon = HORIZON_MS): Promise<Outcome> {
  const { time, cloud, hosts, weight } = stage(fleet);
  for (const [i, host] of hosts.entries()) {
    // Evenly, since few hosts that stand for many would come in clumps that many do not.
    const at = ((i + time.random()) / hosts.length) * within;
    time.start(at, () => {
      host.boot();
    });
    for (let i = 0; i < fleet.addresses; i++) {
      time.start(at + LOAD.dockerAfterMs + i * LOAD.bootStartEveryMs, async () => {
        void host.release('releaseAddress');
        await host.request('requestAddress');
      });
    }
  }
  await time.run(within + horizon, hasFailed(fleet, cloud, hosts.length * fleet.addresses));
  const { tally } = cloud;
  const offeredMs = within + fleet.addresses * LOAD.bootStartEveryMs;
  return { tally, weight, offeredMs, servedMs: tally.answeredAt };
}

/** A Region returns: all hosts register, deliver what they kept, and start again what stopped in the meantime. */
export async function comeBack(fleet: Fleet): Promise<Outcome> {
  const { time, cloud, hosts, weight } = stage(fleet);
  const stopped = Math.ceil(fleet.addresses * LOAD.stoppedInOutage);
  const within = LOAD.startEveryMs;
  for (const host of hosts) {
    time.start(time.random() * 5_500, () => host.register());
    time.start(0, () => host.release('settle', ATTEMPTS_IN_OUTAGE));
    for (let i = 0; i < stopped; i++) {
      time.start(0, () => host.release('releaseAddress', ATTEMPTS_IN_OUTAGE));
      time.start(time.random() * within, () => host.request('requestAddress'));
    }
  }
  await time.run(HORIZON_MS);
  const { tally } = cloud;
  return { tally, weight, offeredMs: within, servedMs: tally.answeredAt };
}

/** All hosts of the fleet join one pool, and each starts a container there. */
export async function join(fleet: Fleet): Promise<Outcome> {
  const { time, cloud, hosts, weight } = stage(fleet, { isRegistered: true, isShared: true });
  const steps: readonly Operation[] = ['joinPool', 'joinGateway', 'requestAddress'];
  for (const host of hosts) {
    time.start(time.random() * LOAD.joinWithinMs, async () => {
      for (const operation of steps) if (!(await host.request(operation))) return;
    });
  }
  await time.run(HORIZON_MS);
  const { tally } = cloud;
  return { tally, weight, offeredMs: LOAD.joinWithinMs, servedMs: tally.answeredAt };
}
