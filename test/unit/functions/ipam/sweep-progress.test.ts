/** A sweep that cannot do everything: what fails is left out, what is done is saved, and nothing begins after the deadline. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { IN_FLIGHT_MS } from '../../../../functions/ipam/host.ts';
import { reportDeath } from '../../../../functions/ipam/hosts/host-events.ts';
import { registerHost } from '../../../../functions/ipam/hosts/register.ts';
import type { Store } from '../../../../functions/ipam/store.ts';
import { FIRST_CURSOR, type SweepCursor } from '../../../../functions/ipam/sweep-cursor.ts';
import { sweepTombstones } from '../../../../functions/ipam/sweep/items.ts';
import { type Failure, emptyReport } from '../../../../functions/ipam/sweep/report.ts';
import { sweep } from '../../../../functions/ipam/sweep/sweep.ts';
import { Host, MAC, OPS, fleet } from '../../../support/fleet.ts';
import { interleaved } from '../../../support/interleaving.ts';
import { withoutFailures } from '../../../support/whole-sweep.ts';

const HOUR = 3_600_000;

/** A fleet whose sweeps save how far they came. */
function stage() {
  const deps = fleet();
  const runInPart = async () =>
    sweep(deps, {
      deadline: Infinity,
      limit: 1_000,
      cursor: await deps.store.readSweep(),
      save: (cursor) => deps.store.writeSweep(cursor),
    });
  const run = () => withoutFailures(runInPart());
  const leases = () =>
    [...deps.store.chunks.values()].flatMap(({ slots }) => slots).filter((slot) => slot?.startsWith('L')).length;
  return { deps, run, runInPart, leases };
}

const said = (failures: readonly Failure[]) => failures.map(({ part, error }) => `${part}: ${String(error)}`);

/** Networks of hosts, each with a lease, whose references have ended and nothing else. */
async function ended(deps: ReturnType<typeof fleet>, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const host = new Host(deps, `host-${n}`);
    await host.register();
    await host.address(await host.pool({ pool: `10.${n}.0.0/24` }), '', MAC);
  }
  for (const { generation, name } of deps.store.refs.values()) {
    await deps.store.endRef(generation, name, deps.world.now());
  }
  deps.world.advance(IN_FLIGHT_MS);
}

describe('a sweep of which a part fails', () => {
  it('goes on with all others, saves how far it came, and returns what failed beside what it did', async () => {
    const { deps, run, runInPart, leases } = stage();
    await ended(deps, 40);
    const [broken] = deps.store.pools.values();
    const write = deps.store.writeSlot.bind(deps.store);
    deps.store.writeSlot = (place, ...rest) =>
      place.generation === broken?.generation ? Promise.reject(new Error('no')) : write(place, ...rest);
    const { failures, hosts, leases: freed, standing } = await runInPart();
    const failure = `generation ${broken?.generation}: Error: no`;
    assert.deepEqual(said(failures), [failure, failure]);
    assert.deepEqual({ hosts, freed, left: leases(), lag: standing.lag }, { hosts: 40, freed: 39, left: 1, lag: 0 });
    assert.equal((await deps.store.readSweep())?.walkedAt, deps.world.now());
    deps.store.writeSlot = write;
    deps.world.advance(HOUR);
    await run();
    assert.equal(leases(), 0);
  });

  it('visits all other hosts', async () => {
    const { deps, runInPart } = stage();
    for (let n = 0; n < 100; n++) await new Host(deps, `host-${n}`).register();
    deps.world.advance(HOUR);
    const { readHost } = deps.store;
    deps.store.readHost = (id) => (id === 'host-7' ? Promise.reject(new Error('no')) : readHost(id));
    assert.deepEqual(said((await runInPart()).failures), ['host host-7: Error: no']);
    const live = [...deps.store.hosts.values()].filter(({ state }) => state !== 'fenced');
    assert.deepEqual(
      live.map(({ id }) => id),
      ['host-7'],
    );
  });

  it('continues where the table stopped to answer', async () => {
    const { deps, run, runInPart, leases } = stage();
    await ended(deps, 100);
    const walk = deps.store.walk.bind(deps.store);
    let pages = 0;
    deps.store.walk = (from, limit) => (++pages > 2 ? Promise.reject(new Error('no table')) : walk(from, limit));
    assert.deepEqual(said((await runInPart()).failures), ['the walk over all items: Error: no table']);
    const saved = (await deps.store.readSweep())?.item;
    assert.notEqual(saved, undefined);
    const asked: (string | undefined)[] = [];
    deps.store.walk = (from, limit) => {
      asked.push(from);
      return walk(from, limit);
    };
    await run();
    assert.equal(asked[0], saved);
    assert.equal(leases(), 0);
  });

  it('goes on when its progress cannot be saved, and says that this failed', async () => {
    const { deps } = stage();
    await ended(deps, 100);
    const walk = deps.store.walk.bind(deps.store);
    const hostsOfShard = deps.store.hostsOfShard.bind(deps.store);
    deps.store.hostsOfShard = (shard, after) => {
      deps.world.advance(12_000);
      return hostsOfShard(shard, after);
    };
    deps.store.walk = (from, limit) => {
      deps.world.advance(12_000);
      return walk(from, limit);
    };
    const saved: SweepCursor[] = [];
    let attempts = 0;
    const save = (cursor: SweepCursor) =>
      ++attempts === 1 ? Promise.reject(new Error('no table')) : Promise.resolve(void saved.push(cursor));
    const { hosts, failures, cursor } = await sweep(deps, {
      deadline: Infinity,
      limit: 1_000,
      cursor: undefined,
      save,
    });
    assert.deepEqual(said(failures), ['saving how far it has come: Error: no table']);
    assert.equal(hosts, 100);
    assert.deepEqual(saved.at(-1), cursor);
    assert.ok(saved.length > 2, String(saved.length));
  });

  it('says so when even the end is not saved', async () => {
    const { deps } = stage();
    const save = () => Promise.reject(new Error('no table'));
    const { failures, standing } = await sweep(deps, { deadline: Infinity, limit: 10, cursor: undefined, save });
    assert.deepEqual(said(failures), ['saving how far it has come: Error: no table']);
    assert.equal(standing.lag, 0);
  });

  it('saves its progress after the first step that ends ten seconds after the last save', async () => {
    const { deps } = stage();
    await ended(deps, 200);
    const began = deps.world.now();
    const saved: (readonly [number, SweepCursor])[] = [];
    const save = (cursor: SweepCursor) => Promise.resolve(void saved.push([deps.world.now() - began, cursor]));
    const walk = deps.store.walk.bind(deps.store);
    deps.store.walk = (from, limit) => {
      deps.world.advance(4_000);
      return walk(from, limit);
    };
    await withoutFailures(sweep(deps, { deadline: Infinity, limit: 10_000, cursor: undefined, save }));
    assert.deepEqual(
      saved.map(([after, { item }]) => [after, item !== undefined]),
      [
        [12_000, true],
        [24_000, true],
        [32_000, false],
      ],
    );
  });
});

/** Each request takes 4 ms of the clock; those that are under way together take it together. */
function slow(deps: ReturnType<typeof fleet>) {
  let requests = 0;
  const store: Store = interleaved(deps.store, 1, () => {
    requests++;
    deps.world.advance(REQUEST_MS / SIDE_BY_SIDE);
  });
  return { deps: { ...deps, store }, count: () => requests };
}

const REQUEST_MS = 4;
const SIDE_BY_SIDE = 32;
/** ms: far less than the work takes. */
const SHORT = 100;
/** ms by which a run may exceed its deadline: what it has begun ends, and a function has seconds for that. */
const SLACK = 100;
const LEASES = 12_000;

/** A network of host `a` with many leases, on a pool that host `b` shares. */
async function crowded() {
  const { deps, ...rest } = stage();
  const [a, b] = [new Host(deps, 'a'), new Host(deps, 'b')];
  await a.register();
  const net = await a.pool({ pool: '10.0.0.0/16' });
  await b.pool({ pool: '10.0.0.0/16' });
  const [ref] = deps.store.refs.values();
  if (ref === undefined) assert.fail('there is no network');
  for (let n = 0; n < LEASES; n++) {
    const place = { generation: ref.generation, chunk: BigInt(16 + (n >> 4)), slot: n & 15 };
    const value = `L${ref.name}.${ref.requestKey}.~~~~~~~~.x`;
    await deps.store.writeSlot(place, value, undefined, { kind: 'exactly', value: undefined });
  }
  const overrun = async (operation: (deadline: number) => Promise<unknown>): Promise<number> => {
    const deadline = deps.world.now() + SHORT;
    await operation(deadline);
    return deps.world.now() - deadline;
  };
  return { deps, a, net, ref, overrun, ...rest, slowly: slow(deps).deps };
}

describe('with 12,000 leases of one network, nothing runs past its deadline', () => {
  it('neither a death, which the next reports complete', async () => {
    const { slowly, overrun, leases } = await crowded();
    const late = await overrun((deadline) => reportDeath(slowly, 'a', 'gone', deadline));
    assert.ok(late >= 0 && late < SLACK, String(late));
    assert.ok(leases() > 0);
    await reportDeath(slowly, 'a', 'gone', Infinity);
    assert.equal(leases(), 0);
  });

  it('nor the walk that meets the reference of a dead host', async () => {
    const { deps, slowly, overrun, leases } = await crowded();
    const host = deps.store.hosts.get('a') ?? assert.fail();
    await deps.store.writeHost({ ...host, state: 'dead', epoch: 2, fencedAt: deps.world.now() }, host);
    const late = await overrun((deadline) =>
      withoutFailures(sweep(slowly, { deadline, limit: 10_000, cursor: undefined })),
    );
    assert.ok(late >= 0 && late < SLACK, String(late));
    assert.ok(leases() > 0);
  });

  it('nor the walk that meets the tombstone', async () => {
    const { deps, ref, slowly, overrun, leases } = await crowded();
    await deps.store.endRef(ref.generation, ref.name, deps.world.now());
    const tombstone = await deps.store.readRef(ref.generation, ref.name);
    deps.world.advance(IN_FLIGHT_MS);
    const late = await overrun((deadline) =>
      sweepTombstones(slowly, tombstone === undefined ? [] : [tombstone], { deadline, report: emptyReport() }),
    );
    assert.ok(late >= 0 && late < SLACK, String(late));
    assert.ok(leases() > 0);
  });

  it('nor the walk that meets the leases without a reference', async () => {
    const { deps, ref, slowly, overrun, leases } = await crowded();
    await deps.store.endRef(ref.generation, ref.name, deps.world.now());
    await deps.store.removeTombstone(ref.generation, ref.name);
    const late = await overrun((deadline) =>
      withoutFailures(sweep(slowly, { deadline, limit: 10_000, cursor: undefined })),
    );
    assert.ok(late >= 0 && late < SLACK, String(late));
    assert.ok(leases() > 0);
  });
});

describe('a host with a thousand networks that returns', () => {
  it('is answered by the deadline of its call, and told that there is more', async () => {
    const { deps } = stage();
    const host = new Host(deps, 'a');
    await host.register();
    for (let n = 0; n < 1_000; n++) await host.pool({ pool: `10.${n >> 8}.${n & 255}.0/24` });
    const { incarnation = '' } = deps.store.hosts.get('a') ?? {};
    deps.world.advance(HOUR);
    await withoutFailures(sweep(deps, { deadline: Infinity, limit: 10_000, cursor: undefined }));
    const { deps: slowly } = slow(deps);
    const registration = { principal: OPS, incarnation, proposed: 'next', shimVersion: '1', engineVersion: '' };
    const call = host.call({ deadline: deps.world.now() + SHORT });
    const { isWaking } = await registerHost(slowly, call, registration);
    const late = deps.world.now() - call.deadline;
    assert.ok(late >= 0 && late < SLACK, String(late));
    assert.equal(isWaking, true);
  });
});

describe('a sweep of many hosts', () => {
  /** More than a sweep can visit in its time. */
  const MANY = 300;
  const TIME_MS = 20;

  /** A sweep that has too little time for all hosts. @param ago ms since the last walk ended. */
  async function sweepOfMany(ago: number) {
    const { deps } = stage();
    for (let n = 0; n < MANY; n++) await new Host(deps, `host-${n}`).register();
    await ended(deps, 1);
    deps.world.advance(HOUR);
    const began = deps.world.now();
    const cursor = { ...FIRST_CURSOR, walkedAt: began - ago };
    const { deps: slowly } = slow(deps);
    const { hosts, items } = await withoutFailures(sweep(slowly, { deadline: began + TIME_MS, limit: 1_000, cursor }));
    return { hosts, items, took: deps.world.now() - began };
  }

  it('leaves the walk half of the time', async () => {
    const { hosts, items } = await sweepOfMany(HOUR);
    assert.ok(hosts < MANY, String(hosts));
    assert.ok(items > 0);
  });

  it('gives hosts all of the time when no walk is due', async () => {
    const { hosts: half } = await sweepOfMany(HOUR);
    const { hosts, items, took } = await sweepOfMany(HOUR / 2);
    assert.ok(hosts > 1.5 * half && hosts < MANY, `${hosts}, and ${half} in half of the time`);
    assert.equal(items, 0);
    assert.ok(took >= TIME_MS && took < TIME_MS + SLACK, String(took));
  });
});
