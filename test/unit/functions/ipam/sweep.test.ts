/** What a sweep finds, and what it leaves alone; test/models/ checks every order of steps. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Host as FleetHost, INDEX_LAG_MS, IN_FLIGHT_MS, LEASE_MS } from '../../../../functions/ipam/host.ts';
import { isFirstDelivery } from '../../../../functions/ipam/hosts/deduplicate.ts';
import { reportDeath } from '../../../../functions/ipam/hosts/host-events.ts';
import type { SweepCursor } from '../../../../functions/ipam/sweep-cursor.ts';
import { HOST_LIFETIME_MS } from '../../../../functions/ipam/sweep/hosts.ts';
import { type SweepReport, sweep } from '../../../../functions/ipam/sweep/sweep.ts';
import { Host, fleet, MAC } from '../../../support/fleet.ts';
import { MemoryStore } from '../../../support/memory-store.ts';
import { withoutFailures } from '../../../support/whole-sweep.ts';

const DAY = 86_400_000;
const HOUR = 3_600_000;

function stage(ids = ['a', 'b']) {
  const deps = fleet();
  const hosts = ids.map((id) => new Host(deps, id));
  const [a, b] = hosts;
  const register = (host = a ?? assert.fail()) => host.register();
  const run = (cursor?: SweepCursor, limit = 1_000) =>
    withoutFailures(sweep(deps, { deadline: Infinity, limit, cursor }));
  /** What it did, without the counts of what it looked at. */
  const found = async (): Promise<Partial<SweepReport>> => {
    const { cursor: _, standing: _standing, hosts: _hosts, items: _items, failures: _failures, ...rest } = await run();
    const { reasons, ...report } = rest;
    assert.deepEqual(reasons, []);
    return Object.fromEntries(Object.entries(report).filter(([, count]) => count > 0));
  };
  return { deps, a: a ?? assert.fail(), b: b ?? assert.fail(), hosts, register, run, found };
}

describe('a sweep', () => {
  it('has nothing to do where nothing was left behind', async () => {
    const { deps, a, b, register, found } = stage();
    await register();
    const net = await a.pool({ pool: '10.1.0.0/24', options: { 'berth.reserve': '10.1.0.9' } });
    await b.pool({ pool: '10.1.0.0/24' });
    await a.address(net, '', MAC);
    const before = [deps.store.pools, deps.store.refs, deps.store.chunks, deps.store.hosts].map(
      (one) => new Map<string, object>(one),
    );
    assert.deepEqual(await found(), {});
    assert.deepEqual([deps.store.pools, deps.store.refs, deps.store.chunks, deps.store.hosts], before);
  });

  it('fences silent hosts, and forgets networks that slept for as long as their space says', async () => {
    const { deps, a, b, register, found } = stage();
    await deps.store.writeSpace('ci', { forgetAfter: HOUR }, undefined);
    await register();
    await a.address(await a.pool({ pool: '10.1.0.0/24' }), '', MAC);
    await a.pool({ pool: '10.1.0.0/24', space: 'ci' });
    await b.pool({ pool: '10.1.0.0/24' });
    deps.world.advance(LEASE_MS);
    assert.deepEqual(await found(), { fenced: 1, quieted: 2 });
    deps.world.advance(HOUR - 1);
    assert.deepEqual(await found(), {});
    deps.world.advance(1);
    assert.deepEqual(await found(), { forgotten: 1, reservations: 1 }, 'the gateway of a pool that has ended');
    deps.world.advance(7 * DAY - HOUR);
    const report = await found();
    assert.equal(report.forgotten, 1);
    assert.equal(
      [...deps.store.chunks.values()].flatMap(({ slots }) => slots).some((slot) => slot?.startsWith('L')),
      false,
    );
  });

  it('forgets nothing of a host that has returned', async () => {
    const { deps, a, register, found } = stage();
    await register();
    await a.pool({ pool: '10.1.0.0/24' });
    deps.world.advance(LEASE_MS);
    await found();
    await register();
    deps.world.advance(LEASE_MS - 1);
    assert.deepEqual(await found(), {});
    deps.world.advance(1);
    assert.deepEqual(await found(), { fenced: 1, quieted: 1 });
    deps.world.advance(7 * DAY - 1);
    assert.deepEqual(await found(), {}, 'it sleeps again');
  });

  it('stops reading the networks of a dead host once nothing is left of them', async () => {
    const { deps, a, register, found } = stage();
    await register();
    await a.pool({ pool: '10.1.0.0/24' });
    await reportDeath(deps, 'a', 'gone');
    assert.equal(deps.store.hosts.get('a')?.refsLag, true);
    deps.world.advance(INDEX_LAG_MS);
    await found();
    assert.equal(deps.store.hosts.get('a')?.refsLag, false);
    deps.store.refsOfHost = () => assert.fail('it looked');
    await found();
  });

  it('ends what a dead host held when the report of its death was cut off', async () => {
    const { deps, a, register, found } = stage();
    await register();
    await a.pool({ pool: '10.1.0.0/24' });
    const { pools, refs, chunks, hosts } = deps.store;
    const cut = Object.assign(new MemoryStore(), { pools, refs, chunks, hosts });
    cut.refsOfHost = () => Promise.reject(new Error('cut off'));
    await assert.rejects(reportDeath({ ...deps, store: cut }, 'a', 'gone'), /cut off/);
    assert.deepEqual(await found(), { buried: 1, reservations: 1 });
    assert.equal(deps.store.pools.size, 0);
  });

  it('removes a dead host a day later, and a fenced one after a month, once nothing is left of them', async () => {
    const { deps, a, b, register, found } = stage();
    await register();
    await register(b);
    await a.pool({ pool: '10.1.0.0/24' });
    await b.pool({ pool: '10.2.0.0/24' });
    await reportDeath(deps, 'a', 'gone');
    deps.world.advance(LEASE_MS);
    await found();
    for (let day = 0; day < HOST_LIFETIME_MS.dead; day += HOUR) {
      assert.ok(deps.store.hosts.has('a'));
      deps.world.advance(HOUR);
      await found();
    }
    assert.deepEqual([...deps.store.hosts.keys()], ['b']);
    const { fencedAt = 0 } = deps.store.hosts.get('b') ?? assert.fail();
    for (const ahead of [8 * DAY, INDEX_LAG_MS, HOUR, HOUR]) {
      deps.world.advance(ahead);
      await found();
    }
    assert.equal(deps.store.refs.size, 0, 'its space has forgotten it');
    deps.world.advance(fencedAt + HOST_LIFETIME_MS.fenced - 1 - deps.world.now());
    assert.deepEqual(await found(), {});
    deps.world.advance(1);
    assert.deepEqual(await found(), { removed: 1 });
    assert.equal((await register(b)).epoch, 1);
  });

  it('keeps a dead host for a day after the last word about it: a copy of that must not count for the next of its id', async () => {
    const { deps, register, found } = stage();
    await register();
    await reportDeath(deps, 'a', 'gone');
    deps.world.advance(HOUR);
    await found();
    deps.world.advance(HOST_LIFETIME_MS.dead - 2 * HOUR);
    assert.equal(await isFirstDelivery(deps, 'a', 'word'), true);
    deps.world.advance(2 * HOUR);
    await found();
    assert.ok(deps.store.hosts.has('a'));
    assert.equal(await isFirstDelivery(deps, 'a', 'word'), false);
    deps.world.advance(HOST_LIFETIME_MS.dead);
    await found();
    assert.ok(!deps.store.hosts.has('a'));
  });

  for (const [what, changes] of [
    ['is alive', { state: 'live', leaseUntil: Infinity }],
    ['drains', { state: 'draining', leaseUntil: Infinity }],
    ['waits for the machine that an operator named', { isAwaited: true }],
    ['took the place of a machine that may hold something', { former: 'asleep', ownEpoch: 2 }],
    ['has epochs of a former machine', { ownEpoch: 2 }],
    ['may have references that turn up late', { refsLag: true }],
    ['is claimed by another machine', { rivalAt: Infinity }],
  ] satisfies [string, Partial<FleetHost>][]) {
    it(`keeps a host forever that ${what}`, async () => {
      const { deps, register, found } = stage();
      await register();
      await reportDeath(deps, 'a', 'gone');
      const host = deps.store.hosts.get('a') ?? assert.fail();
      deps.store.hosts.set('a', { ...host, refsLag: false, ...changes });
      // A host whose references may turn up late is kept by that alone.
      deps.store.writeHost = () => Promise.resolve(undefined);
      deps.world.advance(40 * DAY);
      await found();
      assert.ok(deps.store.hosts.has('a'));
    });
  }

  it('keeps a host of which the index shows anything, even a tombstone', async () => {
    const { deps, a, register, found } = stage();
    await register();
    await a.pool({ pool: '10.1.0.0/24' });
    await reportDeath(deps, 'a', 'gone');
    const [host] = deps.store.hosts.values();
    deps.store.hosts.set('a', { ...(host ?? assert.fail()), refsLag: false });
    deps.world.advance(2 * DAY);
    assert.equal((await found()).removed, undefined);
    const { removed } = await found();
    assert.equal(removed, 1, 'the sweep before has removed the tombstone');
  });

  it('removes old tombstones, and then what is left of their pool', async () => {
    const { deps, a, found } = stage();
    const net = await a.pool({ pool: '10.1.0.0/24' });
    await a.address(net, '', MAC);
    await a.leave(net);
    assert.deepEqual(await found(), { leases: 1, reservations: 1 });
    deps.world.advance(10 * IN_FLIGHT_MS - 1);
    assert.deepEqual(await found(), {});
    deps.world.advance(1);
    const { tombstones } = await found();
    assert.equal(tombstones, 1);
    await found();
    const { pools, refs, chunks } = deps.store;
    assert.deepEqual([pools.size, refs.size, chunks.size], [0, 0, 0]);
  });

  it('removes an abandoned announcement, and no younger one', async () => {
    const { deps, found } = stage();
    const gateway = undefined;
    const cidr = { family: 4, first: 0x0a010000n, prefix: 24 } as const;
    const draft = { space: 'default', cidr, announcedAt: deps.world.now(), createdBy: 'a', gateway, cooldown: 2_000 };
    await deps.store.announcePool({ ...draft, exclusive: false });
    deps.world.advance(5_000);
    assert.deepEqual(await found(), {});
    deps.world.advance(1);
    assert.deepEqual(await found(), { announcements: 1 });
  });

  it('removes a pool without references, and frees a reservation that no network keeps', async () => {
    const { deps, a, b, found } = stage();
    const shared = await a.pool({ pool: '10.1.0.0/24' });
    await b.pool({ pool: '10.1.0.0/24' });
    await a.address(shared, '10.1.0.77');
    await a.pool({ pool: '10.2.0.0/24' });
    for (const { generation, name, hostId } of deps.store.refs.values()) {
      if (hostId === 'a') await deps.store.endRef(generation, name, deps.world.now());
    }
    assert.deepEqual(await found(), { pools: 1, reservations: 2 });
    assert.equal(deps.store.pools.size, 1);
  });
});

describe('a sweep with bounds', () => {
  it('continues where the previous sweep stopped, until all is done', async () => {
    const { deps, hosts, register, run } = stage(Array.from({ length: 30 }, (_, i) => `host-${i}`));
    for (const host of hosts) await register(host);
    for (const [i, host] of hosts.entries()) await host.pool({ pool: `10.${i}.0.0/24` });
    deps.world.advance(LEASE_MS);
    let cursor: SweepCursor | undefined;
    const reports: SweepReport[] = [];
    do {
      const report = await run(cursor, 4);
      ({ cursor } = report);
      reports.push(report);
    } while (cursor.shard > 0 || cursor.host !== undefined);
    assert.ok(reports.every((report) => report.hosts <= 4 && report.items <= 4));
    assert.equal(
      reports.reduce((sum, { fenced }) => sum + fenced, 0),
      30,
    );
  });

  it('starts nothing when its time is over', async () => {
    const { deps, register } = stage();
    await register();
    deps.world.advance(LEASE_MS);
    const { hosts, items } = await withoutFailures(
      sweep(deps, { deadline: deps.world.now(), limit: 100, cursor: undefined }),
    );
    assert.deepEqual([hosts, items], [0, 0]);
  });

  it('walks over all items once an hour', async () => {
    const { deps, a, run } = stage();
    await a.pool({ pool: '10.1.0.0/24' });
    const first = await run();
    assert.ok(first.items > 0);
    deps.world.advance(HOUR - 1);
    assert.equal((await run(first.cursor)).items, 0);
    deps.world.advance(1);
    assert.ok((await run(first.cursor)).items > 0);
  });
});
