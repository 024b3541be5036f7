/** Hosts under load whose shims are killed again and again. */
import { setTimeout as delay } from 'node:timers/promises';
import { chance } from '../../support/interleaving.ts';
import type { LocalCloud } from '../../support/local-cloud.ts';
import type { Difference } from './differences.ts';
import { FaultyHost } from './host.ts';
import { Life } from './life.ts';
import { Register } from './register.ts';

export interface TormentWish {
  readonly name: string;
  readonly seed: number;
  readonly hosts: number;
  /** Kills of each shim. */
  readonly kills: number;
  /** Done to each host before its load begins, or between the death of a shim and its restart. */
  readonly prepare?: (host: FaultyHost) => void;
  readonly afterKill?: (host: FaultyHost) => void;
}

export interface Outcome {
  readonly differences: readonly Difference[];
  /** Those of `differences` whose grant dockerd may have read, by the journal: they must not be undone blindly. */
  readonly excused: readonly Difference[];
  /** Things that two owners had at once. */
  readonly doubles: readonly string[];
  readonly cutOff: number;
  readonly unknown: number;
}

const DOCKERDS = 5;
/** ms: like dockerd's pauses, but shorter, so that a restarted shim is busy soon. */
const PAUSES = [200, 400, 800, 1_600];
/** ms that a request takes to a function at least, so that most kills hit a request in flight. */
const TRAVEL = 10;
/** ms after the first call that a shim forwards, within which it is killed. */
const LONGEST_LIFE = 150;

export async function torment(cloud: LocalCloud, wish: TormentWish): Promise<Outcome> {
  const register = new Register();
  const names = Array.from({ length: wish.hosts }, (_, index) => `${wish.name}${index}`);
  const hosts = await Promise.all(names.map((name) => FaultyHost.start(cloud, name)));
  try {
    const excuses = await Promise.all(hosts.map((host, index) => suffer(host, register, wish, wish.seed + index)));
    await Promise.all(hosts.map((host) => host.drain()));
    const found = (await Promise.all(hosts.map((host) => host.differences()))).flat();
    const isExcused = ({ requestKey = '' }: Difference) => excuses.some((keys) => keys.has(requestKey));
    const dockerds = hosts.flatMap((host) => host.dockerds);
    return {
      differences: found.filter((each) => !isExcused(each)),
      excused: found.filter(isExcused),
      doubles: register.doubles,
      cutOff: dockerds.reduce((sum, { cut }) => sum + cut.size, 0),
      unknown: dockerds.reduce((sum, { unknown }) => sum + unknown.size, 0),
    };
  } finally {
    await Promise.all(hosts.map((host) => host.stop()));
  }
}

/** @returns the keys of calls that were interrupted after their grant was in the journal. */
async function suffer(host: FaultyHost, register: Register, wish: TormentWish, seed: number): Promise<Set<string>> {
  const random = chance(seed);
  host.proxy.program({ fault: { kind: 'delay', ms: TRAVEL } });
  wish.prepare?.(host);
  let isOver = false;
  const lives = Array.from({ length: DOCKERDS }, (_, index) => {
    const name = `${host.hostId}-${index}`;
    const life = new Life(name, host.dockerd(PAUSES), register, chance(seed * 100 + index));
    return life.live(() => isOver);
  });
  const granted = killAgainAndAgain(host, wish, random).finally(() => {
    isOver = true;
  });
  const [keys] = await Promise.all([granted, ...lives]);
  const cut = new Set(host.dockerds.flatMap((dockerd) => [...dockerd.cut]));
  const cutKeys = host.proxy.passages.filter(({ body }) => cut.has(body)).map(({ requestKey }) => requestKey);
  return new Set(cutKeys.filter((key) => keys.has(key)));
}

async function killAgainAndAgain(host: FaultyHost, wish: TormentWish, random: () => number): Promise<Set<string>> {
  const granted = new Set<string>();
  for (let kills = 1; kills <= wish.kills; kills++) {
    if (kills % RESPITE === 0) await delay(2 * host.inFlightBound);
    await isBusy(host);
    await delay(random() * LONGEST_LIFE);
    await host.killShim();
    for (const key of host.grantedKeys()) granted.add(key);
    wish.afterKill?.(host);
    await host.startShim();
  }
  return granted;
}

/** After this many kills, a shim lives long enough to settle what it found, so that dockerd has something to lose. */
const RESPITE = 8;
const BUSY_PAUSE = 2;

async function isBusy({ proxy }: FaultyHost): Promise<void> {
  const calls = (): number => proxy.passages.filter(({ path }) => path.startsWith('/IpamDriver.')).length;
  for (const before = calls(); calls() === before;) await delay(BUSY_PAUSE);
}
