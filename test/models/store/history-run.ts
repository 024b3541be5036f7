/**
 * A recorded run: the real rules change a real table, the table's own stream says so, and history follows it with deaths
 * between any two writes, repeats, lost parts, another stream and a restored table. An oracle, which looks at the table after
 * each step, judges every answer.
 */
import { type DynamoDBClient, UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { changeStream } from '../../../functions/dynamo/change-stream.ts';
import { historyStore } from '../../../functions/dynamo/history.ts';
import { storeOver } from '../../../functions/dynamo/open.ts';
import { Table } from '../../../functions/dynamo/table.ts';
import type { follow } from '../../../functions/ipam/history/follow.ts';
import type { HistoryStore, ShardPage } from '../../../functions/ipam/history/store.ts';
import type { whoHadAddress } from '../../../functions/ipam/history/whois.ts';
import { reportDeath } from '../../../functions/ipam/hosts/host-events.ts';
import type { GrantedPool } from '../../../functions/ipam/pools/request-pool.ts';
import { Refusal } from '../../../functions/ipam/refusal.ts';
import { type AddressState, addressesAfter, whoseAddress } from '../../../functions/ipam/views/addresses.ts';
import { alignTable } from '../../../infra/align-table.ts';
import { createTable } from '../../../infra/local/create-table.ts';
import {
  type Address,
  cidrRange,
  formatAddress,
  parseAddress,
  parseCidr,
  rangeContains,
} from '../../../protocol/address.ts';
import type { EngineStore } from '../../support/engine-store.ts';
import { GATEWAY, Host, named, withMac } from '../../support/fleet.ts';
import { testWorld } from '../../support/world.ts';
import { Oracle } from './history-oracle.ts';
import { type Dice, Tape, dice } from './history-tape.ts';

/** The rules under test: the real ones, or a copy without a guard. */
export interface Rules {
  readonly follow: typeof follow;
  readonly whoHadAddress: typeof whoHadAddress;
}

export interface RunOptions {
  readonly seed: number;
  readonly steps: number;
  /** Something happens to the stream in one step of so many. */
  readonly troubleEvery: number;
  /** A question is asked after one step of so many. */
  readonly askEvery: number;
  /** Asked at the end. */
  readonly questions: number;
}

interface Tally {
  right: number;
  unknown: number;
  deaths: number;
  gaps: number;
  /** Answers that are not what the oracle saw. */
  wrong: string[];
}

export interface Verdict extends Readonly<Tally> {
  readonly changes: number;
}

const SPACE = 'default';
const KEPT_MS = 90 * 86_400_000;
const POOLS = ['10.1.0.0/28', '10.1.0.16/28', '10.1.0.32/28', '10.1.0.0/27', '10.9.0.0/28'];
const HOSTS = ['a', 'b', 'c'];
const WATCHED: readonly string[] = [...range('10.1.0.', 0, 48), ...range('10.9.0.', 0, 16)];

function range(prefix: string, from: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${from + i}`);
}

export const enableStream = (client: DynamoDBClient, table: string) =>
  client.send(
    new UpdateTableCommand({
      TableName: table,
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    }),
  );

export function streamsClient(endpoint: string): DynamoDBStreamsClient {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  return new DynamoDBStreamsClient({ endpoint, region: 'local', credentials });
}

const NO_RETRIES = { pause: () => Promise.resolve(), now: () => 0, random: () => 0 };

export async function recordedRun(engine: EngineStore, rules: Rules, options: RunOptions): Promise<Verdict> {
  const stage = await openStage(engine, options.seed);
  for (let step = 0; step < options.steps; step++) {
    stage.world.advance(stage.roll(4) === 0 ? stage.roll(900) : stage.roll(40_000));
    await oneStep(stage);
    await stage.record();
    if (stage.roll(12) === 0) await followOnce(stage, rules);
    if (stage.roll(options.troubleEvery) === 0) disturb(stage);
    if (stage.roll(options.askEvery) === 0) await judge(stage, rules);
  }
  for (let i = 0; i < 4; i++) {
    stage.world.advance(700_000);
    await followAll(stage, rules);
  }
  for (let i = 0; i < options.questions; i++) await judge(stage, rules);
  return { ...stage.tally, changes: stage.tape.length };
}

type Stage = Awaited<ReturnType<typeof openStage>>;

async function openStage(engine: EngineStore, seed: number) {
  const { client, table } = engine;
  const [historyTable, copy] = [`history-${seed}`, `copy-${seed}`];
  const world = testWorld({ seed });
  const store = storeOver(client, table, world);
  await enableStream(client, table);
  await createTable(client, historyTable);
  await createTable(client, copy);
  const history = historyStore(new Table(client, historyTable, NO_RETRIES), KEPT_MS);
  const real = changeStream({ table: client, stream: streamsClient(engine.endpoint) }, table, NO_RETRIES);
  const tape = new Tape(world);
  const tally: Tally = { right: 0, unknown: 0, deaths: 0, gaps: 0, wrong: [] };
  const position: { after: string | undefined } = { after: undefined };
  /** Reads what the step wrote, and dates it by the clock of this test. */
  const record = async (): Promise<void> => {
    const stream = await real.describe();
    const shard = stream?.shards.at(-1);
    if (stream === undefined || shard === undefined) return;
    let place = await real.begin(stream.name, shard.id, position.after);
    while (place !== undefined) {
      const page: ShardPage | undefined = await real.read(place);
      if (page === undefined || page.changes.length === 0) return;
      tape.add(page.changes);
      position.after = page.last ?? position.after;
      place = page.next;
    }
  };
  const deps = { store, world };
  return {
    ...{ deps, world, store, history, tape, record, client, table, copy, roll: dice(seed), start: world.now() },
    hosts: HOSTS.map((id) => ({ id, host: new Host(deps, id), nets: new Map<string, GrantedPool>(), isUp: false })),
    held: new Map<string, { host: string; pool: string }>(),
    oracle: new Oracle(),
    tally,
    isCopied: false,
  };
}

const secondOf = (milliseconds: number): number => Math.floor(milliseconds / 1_000);

async function observe({ deps, world, oracle }: Stage, addresses: readonly string[]): Promise<void> {
  for (const text of addresses) oracle.see(text, secondOf(world.now()), await whoseAddress(deps, SPACE, parsed(text)));
}

/** The same of all addresses, with few reads. */
async function observeAll({ deps, world, oracle }: Stage): Promise<void> {
  const states = new Map<string, AddressState | undefined>(WATCHED.map((address) => [address, undefined]));
  for (const text of POOLS) {
    const cidr = parseCidr(text);
    const pool = cidr && (await deps.store.readPool(SPACE, cidr));
    if (cidr === undefined || pool === undefined || pool.state === 'pending') continue;
    const free = { state: 'free', host: '', mac: '', endpoint: '', since: undefined } as const;
    for (const address of WATCHED.map(parsed)) {
      if (rangeContains(cidrRange(cidr), address)) states.set(formatAddress(address), { ...free, address });
    }
    const { addresses } = await addressesAfter(deps, pool, undefined, Infinity);
    for (const state of addresses) states.set(formatAddress(state.address), state);
  }
  for (const [address, state] of states) oracle.see(address, secondOf(world.now()), state);
}

function parsed(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(text);
  return address;
}

async function oneStep(stage: Stage): Promise<void> {
  const { roll } = stage;
  const one = stage.hosts[roll(stage.hosts.length)];
  if (one === undefined) return;
  try {
    if (!one.isUp) await one.host.register();
    one.isUp = true;
    const touched = await act(stage, one);
    await (touched === WATCHED ? observeAll(stage) : observe(stage, touched));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    await observeAll(stage);
  }
}

type OneHost = Stage['hosts'][number];

/** @returns the addresses that it may have touched. */
async function act(stage: Stage, { id, host, nets }: OneHost): Promise<readonly string[]> {
  const { roll, held } = stage;
  const pool = POOLS[roll(POOLS.length)] ?? '';
  const net = nets.get(pool);
  const move = roll(100);
  if (net === undefined) {
    if (move < 60) return [];
    const granted = await host.pool({ pool });
    nets.set(pool, granted);
    await host.address(granted, '', GATEWAY);
    return WATCHED;
  }
  const mine = [...held].filter(([, holder]) => holder.host === id && holder.pool === pool).map(([address]) => address);
  const one = mine[roll(mine.length)];
  if (move < 55) {
    const address = await host.address(net, '', { ...withMac(macOf(roll)), ...named(`web-${roll(99)}`) });
    held.set(address, { host: id, pool });
    return [address];
  }
  if (move < 94) {
    if (one === undefined) return [];
    await host.release(net, one);
    held.delete(one);
    return [one];
  }
  if (move < 97) {
    for (const address of mine) held.delete(address);
    nets.delete(pool);
    await host.leave(net);
    return WATCHED;
  }
  return rarely(stage, { id, nets });
}

async function rarely(stage: Stage, { id, nets }: Pick<OneHost, 'id' | 'nets'>): Promise<readonly string[]> {
  const { deps, roll, client, table, copy } = stage;
  if (roll(3) === 0) {
    await reportDeath(deps, id, 'gone');
    nets.clear();
    for (const [address, holder] of stage.held) if (holder.host === id) stage.held.delete(address);
    const one = stage.hosts.find((each) => each.id === id);
    if (one !== undefined) one.isUp = false;
    return WATCHED;
  }
  if (stage.isCopied && roll(2) === 0) {
    await alignTable(client, { from: copy, to: table, isWritten: true });
    return WATCHED;
  }
  await alignTable(client, { from: table, to: copy, isWritten: true });
  stage.isCopied = true;
  return [];
}

const macOf = (roll: Dice): string =>
  ['02', ...Array.from({ length: 5 }, () => roll(256).toString(16).padStart(2, '0'))].join(':');

function disturb({ tape, roll, tally }: Stage): void {
  const what = roll(6);
  if (what < 3) {
    tape.split();
    return;
  }
  tally.gaps++;
  if (what === 3) tape.expire();
  else if (what === 4) tape.trim();
  else tape.rename();
}

/** The function is killed before or after one of its writes. */
class Killed extends Error {}

function mortal(history: HistoryStore, roll: Dice): HistoryStore {
  let left = roll(3) === 0 ? roll(8) : Infinity;
  const dying = async <T>(write: () => Promise<T>): Promise<T> => {
    if (left-- <= 0) throw new Killed();
    const result = await write();
    if (left-- <= 0) throw new Killed();
    return result;
  };
  return {
    ...history,
    moveCursor: (...told) => dying(() => history.moveCursor(...told)),
    putEpoch: (...told) => dying(() => history.putEpoch(...told)),
    putLog: (...told) => dying(() => history.putLog(...told)),
    putPart: (...told) => dying(() => history.putPart(...told)),
    putBase: (...told) => dying(() => history.putBase(...told)),
  };
}

async function followOnce(stage: Stage, { follow }: Rules): Promise<void> {
  const { world, store, history, tape, roll, tally } = stage;
  try {
    const deps = { world, store, stream: tape.stream(roll), history: mortal(history, roll) };
    await follow(deps, world.now() + 60_000);
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
    tally.deaths++;
  }
}

async function followAll(stage: Stage, { follow }: Rules): Promise<void> {
  const { world, store, history, tape, roll } = stage;
  await follow({ world, store, stream: tape.stream(roll), history }, world.now() + 60_000);
}

async function judge(stage: Stage, { whoHadAddress }: Rules): Promise<void> {
  const { world, history, oracle, roll, start, tally } = stage;
  const text = WATCHED[roll(WATCHED.length)] ?? '';
  const seen = oracle.secondsOf(text);
  // Half of the questions are about a second in which it changed.
  const second =
    (roll(2) === 0 ? seen[roll(seen.length)] : undefined) ?? secondOf(start + roll(world.now() - start + 1));
  const past = await whoHadAddress({ world, history }, { space: SPACE, address: parsed(text), second });
  if (!past.isKnown) {
    tally.unknown++;
    return;
  }
  const answered = new Set(
    past.states.map(({ state, host, mac, endpoint }) => `${state} ${host} ${mac} ${endpoint}`.trim()),
  );
  const { states, isChanging } = oracle.at(text, second);
  const missing = states.filter((state) => !answered.has(state));
  const extra = [...answered].filter((state) => !states.includes(state));
  if (missing.length === 0 && (isChanging || extra.length === 0)) tally.right++;
  else
    tally.wrong.push(
      `${formatAddress(parsed(text))} at ${second}: ${[...answered].join(', ')}; was ${states.join(', ')}`,
    );
}
