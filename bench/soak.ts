/**
 * `npm run bench:soak`: runners come, create networks and go, half of them without a word, as fast as this machine can. Days of
 * work alternate with nights, which pass at once: the clock skips them hour by hour, with a sweep in each. A call that is refused as
 * busy is repeated as a shim repeats it. Exits with 1 when an address or a subnet is held twice, when a call is refused for
 * another reason in the end, or when a night leaves anything behind.
 */
import { paginateScan } from '@aws-sdk/client-dynamodb';
import { Command } from 'commander';
import { setTimeout as sleep } from 'node:timers/promises';
import { storeOver } from '../functions/dynamo/open.ts';
import { reportDeath } from '../functions/ipam/hosts/host-events.ts';
import { PoolMemory } from '../functions/ipam/pools/memory.ts';
import type { GrantedPool } from '../functions/ipam/pools/request-pool.ts';
import { HOST_LIFETIME_MS } from '../functions/ipam/sweep/hosts.ts';
import { sweep } from '../functions/ipam/sweep/sweep.ts';
import { realWorld } from '../functions/lambda/world.ts';
import { type EngineStore, engineStore } from '../test/support/engine-store.ts';
import { Host, withMac } from '../test/support/fleet.ts';
import { chance } from '../test/support/interleaving.ts';
import { wholeNumber } from './document.ts';
import { short, table } from './figures.ts';
import { Calls, Holders } from './soak-calls.ts';

const HOUR_MS = 3_600_000;
const NIGHT_HOURS = 8;
/** The space of the runners, which forgets what they held soon after they fall silent. */
const SPACE = 'ci';
const FORGET_AFTER_MS = 30 * 60_000;
/** A subnet that all runners share, such as a macvlan network. */
const LAN = '100.64.0.0/16';
const SWEEP_PAUSE_MS = 10_000;
const SWEEP_TIME_MS = 52_000;
const CALL_TIME_MS = 60_000;
/** ms after which EC2 says that an instance has ended, at most. */
const EVENT_DELAY_MS = 3_000;
/** One runner in so many is no instance: nobody reports its end, and another machine takes its name. */
const NAMED_ONE_IN = 10;
const DIES_SILENTLY = 0.5;
const CONTAINERS = 4;

/** A night of eight hours and a day each: in the fourth, hosts are removed that ended on the first. */
const QUICK = { minutes: 0.3, days: 5, runners: 10 };

interface Options {
  readonly quick: boolean;
  readonly minutes: number;
  readonly days: number;
  readonly runners: number;
  readonly seed: number;
}

interface Totals {
  networks: number;
  addresses: number;
  silentDeaths: number;
  sweeps: number;
}

/** What is left in the table, by kind of item. */
type Left = Readonly<Record<'pools' | 'refs' | 'chunks' | 'hosts', number>>;

class Soak {
  readonly totals: Totals = { networks: 0, addresses: 0, silentDeaths: 0, sweeps: 0 };
  readonly calls = new Calls(CALL_TIME_MS);
  readonly holders = new Holders();
  /** ms: when instances ended, according to EC2. */
  readonly deaths: number[] = [];
  readonly #engine: EngineStore;
  readonly #random: () => number;
  readonly #deps;
  readonly #memory = new PoolMemory();
  readonly #events = new Set<Promise<void>>();
  #skipped = 0;
  #lives = 0;
  #isNight = false;

  constructor(engine: EngineStore, seed: number) {
    this.#engine = engine;
    this.#random = chance(seed);
    const world = {
      ...realWorld,
      now: () => realWorld.now() + this.#skipped,
      advance: (ms: number) => {
        this.#skip(ms);
      },
    };
    this.#deps = { world, store: storeOver(engine.client, engine.table, world) };
  }

  #skip(milliseconds: number): void {
    this.#skipped += milliseconds;
  }

  #isOver = (): boolean => this.#isNight;

  now = (): number => this.#deps.world.now();

  async prepare(): Promise<void> {
    await this.#deps.store.writeSpace(SPACE, { forgetAfter: FORGET_AFTER_MS }, undefined);
  }

  /** Runners work, and sweeps run beside them. */
  async day(milliseconds: number, runners: number): Promise<void> {
    this.#isNight = false;
    const end = performance.now() + milliseconds;
    const slots = Array.from({ length: runners }, (_, slot) => this.#slot(slot));
    const sweeps = this.#sweeps();
    await sleep(end - performance.now());
    this.#isNight = true;
    await Promise.all(slots);
    await sweeps;
    await Promise.all(this.#events);
  }

  async night(): Promise<void> {
    for (let hour = 0; hour < NIGHT_HOURS; hour++) {
      this.#skip(HOUR_MS);
      await this.#sweep(Infinity);
    }
  }

  async #sweeps(): Promise<void> {
    for (let next = performance.now(); !this.#isOver(); next += SWEEP_PAUSE_MS) {
      await this.#sweep(this.now() + SWEEP_TIME_MS);
      while (!this.#isOver() && performance.now() < next + SWEEP_PAUSE_MS) await sleep(100);
    }
  }

  async #sweep(deadline: number): Promise<void> {
    const { store } = this.#deps;
    const cursor = await store.readSweep();
    const save = (at: Parameters<typeof store.writeSweep>[0]): Promise<void> => store.writeSweep(at);
    const { failures } = await sweep(this.#deps, { deadline, limit: 1_000_000, cursor, save });
    for (const { part, error } of failures) throw new Error(`${part} was left out of a sweep`, { cause: error });
    this.totals.sweeps++;
  }

  /** One runner after the other. */
  async #slot(slot: number): Promise<void> {
    const isNamed = slot % NAMED_ONE_IN === 0;
    while (!this.#isOver()) {
      const id = isNamed ? `runner-${slot}` : `i-${(++this.#lives).toString(16).padStart(17, '0')}`;
      const life = new Life(this, new Host({ ...this.#deps, memory: this.#memory }, id), id);
      if (await life.registers()) await life.works(this.#isOver);
      if (this.#random() < DIES_SILENTLY || this.#isOver()) this.totals.silentDeaths++;
      else await life.leaves();
      this.holders.dropAll(id);
      if (isNamed) return;
      this.#ends(id);
    }
  }

  #ends(id: string): void {
    const event = sleep(this.#random() * EVENT_DELAY_MS).then(async () => {
      await reportDeath(this.#deps, id, 'terminated');
      this.deaths.push(this.now());
    });
    this.#events.add(event);
    void event.finally(() => this.#events.delete(event));
  }

  /** How many items there are, by kind. */
  async left(): Promise<Left> {
    const left = { pools: 0, refs: 0, chunks: 0, hosts: 0 };
    const { client, table: TableName } = this.#engine;
    for await (const { Items = [] } of paginateScan({ client }, { TableName, ProjectionExpression: 'sk' })) {
      for (const { sk } of Items) {
        const kind = KINDS[sk?.S?.split('#')[0] ?? ''];
        if (kind !== undefined) left[kind]++;
      }
    }
    return left;
  }
}

const KINDS: Readonly<Record<string, keyof Left>> = { pool: 'pools', ref: 'refs', chunk: 'chunks', host: 'hosts' };

/** One machine, from its start to its end. */
class Life {
  readonly #soak: Soak;
  readonly #host: Host;
  readonly #id: string;
  readonly #networks = new Map<GrantedPool, string[]>();
  #epoch = 0;

  constructor(soak: Soak, host: Host, id: string) {
    this.#soak = soak;
    this.#host = host;
    this.#id = id;
  }

  #call = () => this.#host.call({ deadline: this.#soak.now() + CALL_TIME_MS, epoch: this.#epoch });

  async registers(): Promise<boolean> {
    const principal = `arn:aws:sts::123456789012:assumed-role/runner/${this.#id}`;
    const registered = await this.#soak.calls.make(() =>
      this.#host.register({ principal, forgetAfter: FORGET_AFTER_MS }),
    );
    this.#epoch = registered?.epoch ?? 0;
    return registered !== undefined;
  }

  /** Some networks of its own, and its place on the shared subnet, each with containers that come and go. */
  async works(isOver: () => boolean): Promise<void> {
    for (const wish of [{}, { pool: LAN }, {}]) {
      if (isOver()) return;
      const call = this.#call();
      const network = await this.#soak.calls.make(() => this.#host.pool({ space: SPACE, ...wish }, call));
      if (network === undefined) continue;
      this.#soak.totals.networks++;
      this.#networks.set(network, []);
      if (wish.pool === undefined) this.#soak.holders.take(network.pool, this.#id);
      for (let i = 0; i < CONTAINERS && !isOver(); i++) await this.#starts(network);
      await this.#stops(network);
      if (!isOver()) await this.#starts(network);
    }
  }

  async #starts(network: GrantedPool): Promise<void> {
    const mac = withMac(
      `02:42:${this.#soak
        .now()
        .toString(16)
        .slice(-8)
        .replaceAll(/(..)(?=.)/g, '$1:')}`,
    );
    const call = this.#call();
    const address = await this.#soak.calls.make(() => this.#host.address(network, '', mac, call));
    if (address === undefined) return;
    this.#soak.totals.addresses++;
    this.#soak.holders.take(address, this.#id);
    this.#networks.get(network)?.push(address);
  }

  async #stops(network: GrantedPool): Promise<void> {
    const address = this.#networks.get(network)?.pop();
    if (address === undefined) return;
    this.#soak.holders.drop(address, this.#id);
    const call = this.#call();
    await this.#soak.calls.make(() => this.#host.release(network, address, call));
  }

  /** Says goodbye. */
  async leaves(): Promise<void> {
    for (const [network, addresses] of this.#networks) {
      while (addresses.length > 0) await this.#stops(network);
      this.#soak.holders.drop(network.pool, this.#id);
      const call = this.#call();
      await this.#soak.calls.make(() => this.#host.leave(network, call));
    }
  }
}

const HEAD = [
  'day',
  'networks',
  'addresses',
  'a second',
  'silent deaths',
  'sweeps',
  'items in the evening: pools',
  'refs',
  'chunks',
  'hosts',
  'in the morning: pools, refs, chunks',
  'hosts',
  'heap MB',
];

async function main({ quick, seed, ...scope }: Options): Promise<void> {
  const { minutes, days, runners } = quick ? QUICK : scope;
  const engine = await engineStore();
  const soak = new Soak(engine, seed);
  const { totals, holders, calls } = soak;
  const named = Math.ceil(runners / NAMED_ONE_IN);
  const faults: string[] = [];
  const rows: string[][] = [];
  await soak.prepare();
  for (let day = 1; day <= days; day++) {
    const before = { ...totals };
    const dayMs = (minutes * 60_000) / days;
    await soak.day(dayMs, runners);
    const evening = await soak.left();
    await soak.night();
    const { pools, refs, chunks, hosts } = await soak.left();
    const addresses = totals.addresses - before.addresses;
    rows.push(
      [
        day,
        totals.networks - before.networks,
        addresses,
        (addresses * 1_000) / dayMs,
        totals.silentDeaths - before.silentDeaths,
        totals.sweeps - before.sweeps,
        ...[evening.pools, evening.refs, evening.chunks, evening.hosts],
        pools + refs + chunks,
        hosts,
        Math.round(process.memoryUsage().heapUsed / 2 ** 20),
      ].map(short),
    );
    console.error(rows.at(-1)?.join('  '), ...calls.repeats, ...calls.refusals);
    if (pools + refs + chunks > 0) faults.push(`day ${day} left ${pools} pools, ${refs} references, ${chunks} chunks`);
    // A sweep in each hour of the night: one may have come just too early.
    const recent = soak.deaths.filter((at) => at > soak.now() - HOST_LIFETIME_MS.dead - HOUR_MS).length;
    if (hosts > recent + named) faults.push(`day ${day} left ${hosts} hosts, though only ${recent} ended within a day`);
  }
  await engine.close();
  for (const [why, times] of calls.repeats) console.log(`${times} times a call was repeated: ${why}`);
  faults.push(...holders.twice);
  for (const [why, times] of calls.refusals) {
    if (why.startsWith('busy: ')) console.log(`${times} calls were refused in the end: ${why}`);
    // The next machine of a name waits for the lease of the one before. A machine that is too slow for so many runners withdraws
    // announcements that take longer than five seconds, and says "busy" in the end: it gives out nothing then.
    if (!/^(host-taken|busy): /.test(why)) faults.push(`${times} calls were refused: ${why}`);
  }
  console.log(
    `${runners} runners on the embedded engine (seed ${seed}), ${short(minutes)} min of work in ${days} days:\n`,
  );
  console.log(table(HEAD, rows));
  console.log(`\n${faults.length === 0 ? 'nothing was held twice, and nothing was left behind' : faults.join('\n')}`);
  if (faults.length > 0) process.exitCode = 1;
}

const command = new Command('bench:soak')
  .description('Lets runners come and go for long, and checks that they leave nothing behind.')
  .option('--quick', 'a small scope', false)
  .option('--minutes <number>', 'of work, all days together', wholeNumber, 30)
  .option('--days <number>', 'into which the work is split', wholeNumber, 10)
  .option('--runners <number>', 'at once', wholeNumber, 300)
  .option('--seed <number>', 'of all chance but the order in which the engine answers', wholeNumber, 1)
  .parse();
await main(command.opts<Options>());
