/** Automatic pools where there is no room: what a refusal rests on, what it costs, and when a freed subnet is found. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ringOf } from '../../../../functions/ipam/pools/candidates.ts';
import { PoolMemory } from '../../../../functions/ipam/pools/memory.ts';
import { SURVEY_LIFETIME_MS } from '../../../../functions/ipam/pools/survey.ts';
import { cidrRange, formatCidr } from '../../../../protocol/address.ts';
import {
  NOTHING,
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

const AREA = { space: 'default', ring: ringOf([cidr('10.0.0.0/26')], 30), excluded: [] };

describe('a full space', () => {
  it('is surveyed once: the next refusal of any host rests on that, and says so', async () => {
    await fill();
    await isFull(warm, {}, /own routes \(16 pools held, created 16 by elsewhere\); remove/);
    assert.equal(store.count().surveyed, 16);
    store.world.advance(11_001);
    const words = /own routes, as of 12 s ago \(16 pools held, created 16 by elsewhere\); remove/;
    await isFull(hostOf('other', memory), {}, words);
    assert.deepEqual(store.count(), NOTHING);
  });

  it('has room at once for a subnet that the same process has released', async () => {
    const first = await fill();
    await isFull();
    await hostOf('elsewhere', memory).leave(first);
    assert.equal((await warm.pool()).pool, first.pool);
  });

  it('stays full while others keep a shared subnet that one has left', async () => {
    const first = await fill();
    const guest = hostOf('guest', memory);
    const net = await guest.pool({ pool: first.pool });
    await isFull();
    store.count();
    await guest.leave(net);
    await isFull();
    assert.equal(store.count().surveyed, 0);
  });

  it('has room for a subnet that another process has released once the survey is 30 s old, and not before', async () => {
    const first = await fill();
    await isFull();
    await elsewhere.leave(first);
    store.world.advance(SURVEY_LIFETIME_MS - 1);
    await isFull(warm, {}, /as of 30 s ago/);
    store.world.advance(1);
    assert.equal((await warm.pool()).pool, first.pool);
  });

  it('is surveyed again 30 s after the survey began, however long it took', async () => {
    const first = await fill();
    store.msPerPool = 500;
    await isFull();
    await elsewhere.leave(first);
    store.world.advance(SURVEY_LIFETIME_MS - 16 * store.msPerPool);
    assert.equal((await warm.pool()).pool, first.pool);
  });

  it('is surveyed again when the clock was set back', async () => {
    const first = await fill();
    await isFull();
    await elsewhere.leave(first);
    store.world.advance(-1);
    assert.equal((await warm.pool()).pool, first.pool);
  });

  it('is surveyed again when the process has released a subnet after the survey had passed it', async () => {
    const first = await fill();
    store.afterwards = {
      address: cidr(first.pool).first,
      happen: () => hostOf('elsewhere', memory).leave(first),
    };
    await isFull();
    assert.equal((await warm.pool()).pool, first.pool);
  });
});

describe('a copy of an attempt is granted what the attempt was granted', () => {
  it('in a space that is full by then, which the process still knows afterwards', async () => {
    await elsewhere.leave(await fill());
    const call = warm.call();
    const net = await warm.pool({}, call);
    await isFull();
    for (const host of [warm, hostOf('warm', new PoolMemory())]) {
      assert.equal((await host.pool({}, call)).pool, net.pool);
      assert.equal(store.pools.size, 16);
    }
    store.count();
    await isFull();
    assert.deepEqual(store.count(), NOTHING);
  });

  it('by a process that knows of another gap, which the routes of an earlier host hid', async () => {
    const gaps = [cidr((await fill()).pool), cidr('10.0.0.4/30')];
    for (const gap of gaps) await store.removePool((await store.readPool('default', gap)) ?? assert.fail());
    const call = warm.call();
    const net = await hostOf('warm', new PoolMemory()).pool({}, call);
    const other = gaps.find((gap) => formatCidr(gap) !== net.pool) ?? assert.fail();
    await isFull(hostOf('routed', memory), { avoid: [cidrRange(other)] });
    assert.equal((await warm.pool({}, call)).pool, net.pool);
    assert.equal(store.pools.size, 15);
  });
});

describe('what a process knows of a full space', () => {
  it('does not refuse a host with other routes', async () => {
    const { pool: free } = await fill();
    await store.removePool((await store.readPool('default', cidr(free))) ?? assert.fail());
    const routed = hostOf('routed', memory);
    const avoid = [cidrRange(cidr(free))];
    await isFull(routed, { avoid });
    store.count();
    await isFull(routed, { avoid }, /own routes \(10\.0\.0\.\d+ to 10\.0\.0\.\d+\), as of 1 s ago \(15 pools held, /);
    assert.deepEqual(store.count(), NOTHING);
    assert.equal((await warm.pool()).pool, free);
    assert.equal(store.count().surveyed, 0);
    await isFull();
  });

  it('is nothing after a refusal for which no subnet was read', async () => {
    await fill();
    await isFull(hostOf('routed', memory), { avoid: [cidrRange(cidr('10.0.0.0/26'))] });
    assert.equal(memory.surveys.take(AREA, store.world.now()), undefined);
  });

  it('holds for one space, family and size, and for the ranges that the space has now', async () => {
    const SIX = { ranges: [cidr('10.0.0.0/26'), cidr('fd00::/60')], size4: 30, size6: 64 };
    setSpace('default', SIX);
    setSpace('other', SIX);
    await fill();
    await fill('fd00::/60', 64);
    await isFull();
    await isFull(warm, { v6: true });
    await isFull(warm, { v6: true }, /no \/64 is free in fd00::\/60 .*, as of 1 s ago \(16 pools held, /);
    assert.equal(store.count().surveyed, 32);
    for (const wish of [{ space: 'other' }, { space: 'other', v6: true }]) assert.ok(await warm.pool(wish));
    setSpace('default', { ...SIX, ranges: [cidr('10.0.0.0/25')] });
    assert.ok(await warm.pool());
    setSpace('default', { ...SIX, excluded: [cidr('10.0.0.0/24')] });
    await isFull(warm, {}, /no \/30 is free in 10\.0\.0\.0\/26/);
  });

  it('stays when a subnet of another space is released', async () => {
    await fill();
    await isFull();
    await warm.leave(await warm.pool({ space: 'other' }));
    store.count();
    await isFull();
    assert.equal(store.count().surveyed, 0);
  });

  it('is one range, however small the pools are that fill the space', async () => {
    for (const i of numbers(0n, 15n)) await put(cidr(`10.0.0.${4n * i + 1n}/32`));
    await isFull();
    assert.equal(memory.surveys.take(AREA, store.world.now())?.ranges, 1);
  });

  it('is of as many spaces as a process can remember', async () => {
    const spaces = numbers(0n, 16n).map((i) => `s${i}`);
    for (const space of spaces) {
      setSpace(space, { ranges: [cidr('10.0.0.0/28')], size4: 30 });
      await fill('10.0.0.0/28', 30, space);
      await isFull(warm, { space });
    }
    store.count();
    await isFull(warm, { space: 's1' }, /, as of /);
    assert.equal(store.count().surveyed, 0);
    await isFull(warm, { space: 's0' });
    assert.equal(store.count().surveyed, 4);
  });
});
