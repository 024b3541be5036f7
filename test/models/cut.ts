/**
 * An operation that is cut off at one of its requests, as when Lambda ends a function, and then carried on. Whatever the
 * request, the table must end as it does without the cut.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { inspect, isDeepStrictEqual } from 'node:util';
import type { Chunk } from '../../functions/ipam/chunk.ts';
import type { Pool } from '../../functions/ipam/pool.ts';
import type { Ref } from '../../functions/ipam/ref.ts';
import { type Fleet, Host } from '../support/fleet.ts';
import { counting } from '../support/memory-items.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import type { Edit } from '../support/mutant.ts';
import { testWorld } from '../support/world.ts';
import type { Check } from './check.ts';
import type { Holding } from './player.ts';
import { type Rules, rules, withoutGuards } from './rules.ts';
import type { State } from './simulation.ts';
import { type Operation, steppedStore } from './stepped-store.ts';

/** A network with its auxiliary addresses, in a Docker. */
export interface DockerNetwork {
  readonly poolId: string;
  readonly gateway: string;
  readonly reserved: readonly string[];
  readonly endpoints: readonly { readonly address: string; readonly mac: string }[];
}

/** Where an operation runs. */
export interface Scene {
  readonly rules: Rules;
  readonly deps: Fleet;
  readonly memory: MemoryStore;
  /** What must not be lost. */
  readonly holdings: Set<Holding>;
  /** What the Docker of host `a` has, for a comparison. */
  readonly docker: DockerNetwork[];
  readonly host: (id: string) => Host;
}

export interface Cuttable {
  readonly name: string;
  readonly prepare: (scene: Scene) => Promise<void>;
  /** What is cut off. */
  readonly operation: (scene: Scene) => Promise<unknown>;
  /** Runs at the same time and is not cut off. */
  readonly beside?: (scene: Scene) => Promise<unknown>;
  /** What Berth does after the operation, whether it was cut off or not, at the same time by the clock. */
  readonly then: (scene: Scene) => Promise<unknown>;
  /** What is wrong after that, if anything. */
  readonly isSound: (state: State) => string | undefined;
  /** What Berth does later. Then the table is compared. */
  readonly later?: (scene: Scene) => Promise<void>;
  /** What of the items is compared: by default all of their fields except their revisions. `nothing`: they may differ. */
  readonly compared?: Views | 'nothing';
}

/** The function is no longer there. */
class Killed extends Error {}

interface Cut {
  /** The number of the request, in the order in which they are issued. */
  readonly at: number;
  /** Whether it is carried out nevertheless, and so are those that were under way. */
  readonly lands: boolean;
}

const NEVER: Cut = { at: Infinity, lands: true };

/** Requests that are issued side by side are under way together: each is carried out on a later turn. */
class Line {
  readonly #cut: Cut;
  issued = 0;

  constructor(cut: Cut) {
    this.#cut = cut;
  }

  submit = async <T>({ attempt }: Operation<T>): Promise<T> => {
    const { at, lands } = this.#cut;
    if (++this.issued > at) throw new Killed();
    await nextTurn();
    if (this.issued >= at && !lands) throw new Killed();
    const answer = await attempt();
    if (this.issued >= at) throw new Killed();
    return answer;
  };

  over = (scene: Scene): Scene => ({
    ...scene,
    deps: { ...scene.deps, store: steppedStore(scene.memory, this.submit, MANNER) },
  });
}

const MANNER = { shared: undefined, positions: undefined, forwardDescends: false, isIndexSilent: false };

/** Revisions are new with every write: the counts of two runs must not meet. */
const IDS_OF_PREPARATION = 0;
const IDS_OF_RUN = 1_000_000;

function newScene(under: Rules, { from = IDS_OF_PREPARATION, now = Date.UTC(2026, 0, 1) } = {}): Scene {
  const memory = new under.MemoryStore({ freshId: counting(from) });
  const deps = { store: memory, world: testWorld({ now, seed: from + 1 }) };
  const hosts = new Map<string, Host>();
  const host = (id: string): Host => {
    const known = hosts.get(id) ?? new Host(deps, id);
    hosts.set(id, known);
    return known;
  };
  return { rules: under, deps, memory, holdings: new Set(), docker: [], host };
}

/** Items are replaced, never changed: a copy of the maps is enough. */
async function copyOf({ rules: under, deps, memory, holdings, docker }: Scene): Promise<Scene> {
  const copy = newScene(under, { from: IDS_OF_RUN, now: deps.world.now() });
  const { pools, refs, chunks, hosts } = copy.memory;
  copyInto(pools, memory.pools);
  copyInto(refs, memory.refs);
  copyInto(chunks, memory.chunks);
  copyInto(hosts, memory.hosts);
  copy.docker.push(...docker);
  for (const holding of holdings) copy.holdings.add(holding);
  const cursor = await memory.readSweep();
  if (cursor !== undefined) await copy.memory.writeSweep(cursor);
  return copy;
}

function copyInto<T>(copy: Map<string, T>, items: ReadonlyMap<string, T>): void {
  for (const [key, item] of items) copy.set(key, item);
}

/** What is compared of an item of each kind. */
export interface Views {
  readonly pool: (pool: Pool) => object;
  readonly ref: (ref: Ref) => object;
  readonly chunk: (chunk: Chunk) => object;
}

const ALL_FIELDS: Views = { pool: (pool) => pool, ref: (ref) => ref, chunk: (chunk) => chunk };

type Table = ReadonlyMap<string, object>;

/** All items, by kind and key. Their revisions are left out: a run that was cut off has made other writes. */
function tableOf({ pools, refs, chunks, hosts }: MemoryStore, views: Views | 'nothing'): Table {
  if (views === 'nothing') return new Map();
  const entries = <T extends object>(kind: string, items: ReadonlyMap<string, T>, view: (item: T) => object) =>
    [...items].map(([key, item]): [string, object] => [`${kind} ${key}`, { ...view(item), rev: '' }]);
  return new Map([
    ...entries('pool', pools, views.pool),
    ...entries('reference', refs, views.ref),
    ...entries('chunk', chunks, views.chunk),
    ...entries('host', hosts, (host) => host),
  ]);
}

interface Ending {
  /** Requests of the operation. */
  readonly requests: number;
  readonly wrong: string | undefined;
  readonly table: Table;
}

async function play(prepared: Scene, { compared = ALL_FIELDS, ...test }: Cuttable, cut: Cut): Promise<Ending> {
  const scene = await copyOf(prepared);
  const line = new Line(cut);
  const [operation, beside] = await Promise.allSettled([
    test.operation(line.over(scene)),
    test.beside?.(new Line(NEVER).over(scene)),
  ]);
  if (operation.status === 'rejected' && line.issued < cut.at) throw operation.reason;
  if (beside.status === 'rejected') throw beside.reason;
  await test.then(scene);
  const wrong = test.isSound(scene);
  await test.later?.(scene);
  return { requests: line.issued, wrong, table: tableOf(scene.memory, compared) };
}

interface Search {
  readonly requests: number;
  /** The first cut after which the table ends otherwise, and how. */
  readonly found: string | undefined;
}

async function search(under: Rules, test: Cuttable): Promise<Search> {
  const prepared = newScene(under);
  await test.prepare(prepared);
  const whole = await play(prepared, test, NEVER);
  if (whole.wrong !== undefined) return { requests: whole.requests, found: `uncut: ${whole.wrong}` };
  for (let at = 1; at <= whole.requests; at++) {
    for (const lands of [false, true]) {
      const { wrong, table } = await play(prepared, test, { at, lands });
      const found = wrong ?? difference(whole.table, table);
      if (found !== undefined) {
        const where = `cut at request ${at} of ${whole.requests}, which ${lands ? 'lands' : 'is lost'}`;
        return { requests: whole.requests, found: `${where}: ${found}` };
      }
    }
  }
  return { requests: whole.requests, found: undefined };
}

function difference(expected: Table, actual: Table): string | undefined {
  const keys = [...expected.keys(), ...actual.keys()];
  const other = keys.find((key) => !isDeepStrictEqual(expected.get(key), actual.get(key)));
  return other && `${other} is ${inspect(actual.get(other))}, and uncut ${inspect(expected.get(other))}`;
}

/** Cuts the operation off at each of its requests: it always ends as it does uncut. */
export const endsAsUncut = (test: Cuttable): Check => ({
  name: test.name,
  run: async () => {
    const { requests, found } = await search(rules, test);
    if (found !== undefined) throw new Error(found);
    return `${requests} requests, each cut twice`;
  },
});

/** Without the guard, there is a cut after which it ends otherwise. */
export const endsOtherwise = (name: string, test: Cuttable, what: RegExp, edits: readonly Edit[]): Check => ({
  name: `${name} (control)`,
  run: () =>
    withoutGuards(edits, async (weakened) => {
      const { requests, found } = await search(weakened, test);
      if (found === undefined) throw new Error(`no cut of ${requests} requests changes anything`);
      if (!what.test(found)) throw new Error(`it ends otherwise, but not by ${String(what)}: ${found}`);
      return found;
    }),
});
