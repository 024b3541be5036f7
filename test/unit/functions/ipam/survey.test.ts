/** Surveys that must wait: for the next call, or for an announcement. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import type { Call } from '../../../../functions/ipam/call.ts';
import { ANNOUNCEMENT_TIMEOUT_MS } from '../../../../functions/ipam/pool.ts';
import { candidate, ringOf } from '../../../../functions/ipam/pools/candidates.ts';
import { PoolMemory } from '../../../../functions/ipam/pools/memory.ts';
import { SURVEY_LIFETIME_MS, Survey } from '../../../../functions/ipam/pools/survey.ts';
import { RangeSet } from '../../../../functions/ipam/range-set.ts';
import { cidrAt, formatCidr, overlap, parseCidr } from '../../../../protocol/address.ts';
import { Host, refused } from '../../../support/fleet.ts';
import { MemoryStore } from '../../../support/memory-store.ts';
import { testWorld } from '../../../support/world.ts';
import {
  elsewhere,
  fill,
  hostOf,
  isFull,
  memory,
  put,
  setSpace,
  store,
  useFullSpace,
  warm,
} from './full-space-stage.ts';
import { cidr, numbers } from './values.ts';

useFullSpace();

/** Pools of /26 to /31 in 10.0.0.0/24, which do not overlap; the ranges of the space are three parts of it. */
const RANGES = ['10.0.0.0/26', '10.0.0.192/27', '10.0.0.128/26'].map(cidr);
const anyPools = fc.uniqueArray(
  fc
    .record({ prefix: fc.integer({ min: 26, max: 31 }), at: fc.bigInt(0n, 255n) })
    .map(({ prefix, at }) => cidrAt({ family: 4, value: cidr('10.0.0.0/24').first + at }, prefix)),
  { maxLength: 40, comparator: overlap },
);

describe('a whole survey', () => {
  it('knows the gaps, and counts each pool once, wherever it begins', async () => {
    await fc.assert(
      fc.asyncProperty(anyPools, fc.bigInt(0n, 100n), fc.integer({ min: 26, max: 29 }), async (pools, first, size) => {
        const ring = ringOf(RANGES, size);
        const table = new MemoryStore({ pages: { forward: 3, backward: 4, refs: 16, next: 3 } });
        for (const where of pools) await put(where, 'default', table);
        const survey = new Survey({ space: 'default', ring, excluded: [] }, first % ring.count, 0);
        const deps = { store: table, world: testWorld() };
        for (let pages = 0; !survey.isComplete; pages++) {
          assert.ok(pages < 100, 'it does not end');
          await survey.extend(deps, Infinity);
        }
        const candidates = numbers(0n, ring.count - 1n).map((number) => candidate(ring, number));
        const isFree = candidates.map((each) => !pools.some((pool) => overlap(pool, each)));
        const gaps = survey.gaps(new RangeSet()).map((number) => number % ring.count);
        const expected = isFree.flatMap((free, number) => (free ? [BigInt(number)] : []));
        // It names sixteen at most.
        assert.equal(new Set(gaps).size, Math.min(16, expected.length));
        assert.ok(gaps.every((gap) => expected.includes(gap)));
        const inside = pools.filter((pool) => ring.parts.some(({ range }) => overlap(range, pool)));
        // The rest of a candidate in which the last pool of a page starts is not read.
        const isCrowded = candidates.some((each) => pools.filter((pool) => overlap(pool, each)).length > 1);
        const counted = survey.creators.get('elsewhere') ?? 0;
        assert.ok(isCrowded ? counted <= inside.length : counted === inside.length, `${counted} of ${inside.length}`);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a survey that does not fit into a call', () => {
  /** ms that a call has: enough for 350 pools. */
  const TIME = 3_500;
  const FIRST = cidr('10.0.0.0/30');
  const hurried = (host = warm) => host.pool({}, host.call({ deadline: store.world.now() + TIME }));
  const words =
    /^no free pool was found in time in space default, none of the (350|700) subnets that were read is free for this host, of 1024; try again: for (26|23) s, the process that answered can go on with the others$/;

  /** Where the subnet begins that a call gets when all are free. */
  async function drawnBy(call: Call): Promise<bigint> {
    const empty = new MemoryStore();
    empty.spaces.set('default', store.spaces.get('default') ?? assert.fail());
    const host = new Host({ store: empty, world: store.world, memory: new PoolMemory() }, 'warm');
    return cidr((await host.pool({}, call)).pool).first;
  }

  beforeEach(async () => {
    setSpace('default', { ranges: [cidr('10.0.0.0/20')], size4: 30 });
    await fill('10.0.0.0/20');
    store.msPerPool = 10;
  });

  it('goes on at the next call, reads each subnet once, and ends in time', async () => {
    for (const host of [warm, hostOf('other', memory)]) {
      const began = store.world.now();
      await refused(hurried(host), 'busy', words);
      assert.ok(store.world.now() <= began + TIME);
      assert.equal(store.count().surveyed, 350);
    }
    await refused(hurried(), 'no-pool-left', /, as of \d+ s ago \(1024 pools held, created 1024 by elsewhere\)/);
    assert.deepEqual(store.count(), { surveyed: 324, announcements: 1, rereads: 0 });
  });

  it('promises nothing when it is not kept, since the process has freed something', async () => {
    const call = warm.call({ deadline: store.world.now() + TIME });
    store.afterwards = {
      address: await drawnBy(call),
      happen: async () => {
        memory.surveys.forget('default');
        await Promise.resolve();
      },
    };
    await refused(warm.pool({}, call), 'busy', /is free for this host, of 1024; try again$/);
    await refused(hurried(), 'busy', /none of the 350 subnets/);
  });

  it('says of a host whose routes reach the rest what is as old as the survey, and what is counted now', async () => {
    await refused(hurried(), 'busy', words);
    const [start = assert.fail()] = store.pages;
    const other = hostOf('other', memory);
    await store.removePool((await store.readPool('default', { ...FIRST, first: start })) ?? assert.fail());
    const end = start + 4n * 350n;
    const [low, high] = [FIRST.first, FIRST.first + 4_096n];
    const avoid =
      end <= high
        ? [
            { family: 4 as const, first: low, last: start - 1n },
            { family: 4 as const, first: end, last: high - 1n },
          ]
        : [{ family: 4 as const, first: end - 4_096n, last: start - 1n }];
    await isFull(other, { avoid }, /, as of 4 s ago \(1023 pools held now, created 1023 by elsewhere\); remove/);
  });

  it('finds a gap beyond what earlier calls have read', async () => {
    await refused(hurried(), 'busy', words);
    const [start = assert.fail()] = store.pages;
    // The subnet that the survey comes to last.
    const last = { ...FIRST, first: start === FIRST.first ? start + 4_092n : start - 4n };
    await store.removePool((await store.readPool('default', last)) ?? assert.fail());
    await refused(hurried(), 'busy', words);
    assert.equal((await hurried()).pool, formatCidr(last));
  });

  it('is continued by one of two calls that come at once', async () => {
    await refused(hurried(), 'busy', words);
    store.count();
    const patient = () => warm.pool({}, warm.call({ deadline: store.world.now() + 2 * TIME }));
    await Promise.all([hurried(), patient()].map((call) => refused(call, 'busy', /none of the \d{3} subnets/)));
  });

  it('leaves a request the subnet that it draws first, which a copy draws in any process', async () => {
    await refused(hurried(), 'busy', words);
    const [start = assert.fail()] = store.pages;
    const isRead = (first: bigint) => (first - start + 4_096n) % 4_096n < 4n * 350n;
    for (const pool of [...store.pools.values()]) if (!isRead(pool.cidr.first)) await store.removePool(pool);
    let call: Call;
    do call = warm.call();
    while (isRead(await drawnBy(call)));
    const net = await warm.pool({}, call);
    assert.equal(cidr(net.pool).first, await drawnBy(call));
    assert.equal((await hostOf('warm', new PoolMemory()).pool({}, call)).pool, net.pool);
    assert.equal(store.pools.size, 351);
  });

  it('begins again once it is 30 s old', async () => {
    await refused(hurried(), 'busy', words);
    store.count();
    store.world.advance(SURVEY_LIFETIME_MS - TIME);
    await refused(hurried(), 'busy', /none of the 350 subnets/);
    assert.equal(store.count().surveyed, 350);
  });

  it('never refuses for good by what it has read more than 30 s before', async () => {
    // A whole survey takes 41 s.
    store.msPerPool = 40;
    for (let i = 0; i < 10; i++) {
      const call = warm.call({ deadline: store.world.now() + 20_000 });
      await refused(warm.pool({}, call), 'busy', /none of the \d+ subnets that were read is free for this host/);
    }
  });

  it('refuses nothing when it has become too old within a call', async () => {
    store.msPerPool = 40;
    const call = warm.call({ deadline: store.world.now() + 60_000 });
    await refused(warm.pool({}, call), 'busy', /none of the \d+ subnets that were read is free for this host/);
  });
});

describe('a space that is full by an announcement', () => {
  const rival = { space: 'default', createdBy: 'rival', gateway: undefined, cooldown: 1, exclusive: false };

  async function announced() {
    const first = await fill();
    await elsewhere.leave(first);
    const where = cidr(first.pool);
    const answer = await store.announcePool({ ...rival, announcedAt: store.world.now(), cidr: where });
    store.count();
    return { where, pool: 'announced' in answer ? answer.announced : assert.fail() };
  }

  /** Runs when the announcement is read for the nth time. */
  function onReread(nth: number, action: () => Promise<unknown>): void {
    const { readPool } = store;
    store.readPool = async (...args) => {
      if (store.rereads + 1 === nth) await action();
      return readPool(...args);
    };
  }

  it('is surveyed once, and has room when the announcement is withdrawn', async () => {
    const { pool, where } = await announced();
    onReread(3, () => store.removePool(pool));
    assert.deepEqual(parseCidr((await warm.pool()).pool), where);
    const { surveyed, announcements, rereads } = store.count();
    assert.ok(
      surveyed <= 16 && announcements <= 2 && rereads === 3,
      JSON.stringify({ surveyed, announcements, rereads }),
    );
  });

  it('is full once the announcement is confirmed', async () => {
    const { pool } = await announced();
    onReread(2, () => store.changePool(pool, 'confirmed'));
    await isFull(warm, {}, /\(16 pools held, created 15 by elsewhere, 1 by rival\); remove/);
    assert.equal(store.count().surveyed, 16);
  });

  it('has room when the announcement is abandoned', async () => {
    const { where } = await announced();
    const call = warm.call({ deadline: store.world.now() + 2 * ANNOUNCEMENT_TIMEOUT_MS });
    assert.deepEqual(parseCidr((await warm.pool({}, call)).pool), where);
    assert.equal(store.count().surveyed, 16);
  });

  it('is not refused before that is clear, and is asked less and less often', async () => {
    await announced();
    const call = warm.call({ deadline: store.world.now() + 4_000 });
    await refused(warm.pool({}, call), 'busy', /since others kept taking them; try again$/);
    const { surveyed, rereads } = store.count();
    assert.ok(surveyed === 16 && rereads >= 6 && rereads <= 14, `${surveyed} pools, ${rereads} reads`);
  });
});
