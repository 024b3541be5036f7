/** What every store must do for the life and death of hosts, and for the sweep. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CHUNK_SIZE } from '../../../functions/ipam/chunk.ts';
import type { Host } from '../../../functions/ipam/host.ts';
import { type Found, HOST_SHARDS, type IndexedRef, type Page, type Store } from '../../../functions/ipam/store.ts';
import { host } from './host-contract.ts';
import { KEY, OTHER, REF, announce, free, fresh, lease, ref, reserved, added } from './samples.ts';

const DORMANT = { state: 'dormant', epoch: 1, fencedAt: 5_000, endedAt: undefined } as const;
const AWAKE = { state: 'live', epoch: 2, fencedAt: undefined, endedAt: undefined } as const;
const GONE = { state: 'gone', epoch: 1, fencedAt: 5_000, endedAt: 6_000 } as const;

export function lifeContract(get: () => Store): void {
  refContract(get);
  hostContract(get);
  chunkContract(get);
  walkContract(get);
}

function refContract(get: () => Store): void {
  describe('references of a host that sleeps, returns or is dead', () => {
    it('change their state and nothing else', async () => {
      const seen = await added(get());
      const read = () => get().readRef(seen.generation, REF);
      assert.equal(await get().changeRefState(seen, DORMANT), true);
      const dormant = { ...seen, ...DORMANT };
      assert.deepEqual(await read(), dormant);
      assert.equal(await get().changeRefState(dormant, AWAKE), true);
      assert.deepEqual(await read(), { ...seen, ...AWAKE });
    });

    it('change only in exactly the state that was read', async () => {
      const seen = await added(get());
      const dormant = { ...seen, ...DORMANT };
      await get().changeRefState(seen, DORMANT);
      assert.equal(await get().changeRefState(seen, { ...DORMANT, fencedAt: 9_000 }), false);
      assert.equal(await get().changeRefState(dormant, GONE), true);
      assert.equal(await get().changeRefState(dormant, AWAKE), false);
      assert.deepEqual(await get().readRef(seen.generation, REF), { ...seen, ...GONE });
    });

    it('change only in exactly the epoch that was read', async () => {
      const seen = await added(get());
      const dormant = { ...seen, ...DORMANT };
      const again = { ...seen, ...DORMANT, epoch: 2 };
      await get().changeRefState(seen, again);
      assert.equal(await get().changeRefState(dormant, GONE), false);
      assert.deepEqual(await get().readRef(seen.generation, REF), again);
    });

    it('cannot be changed when they do not exist', async () => {
      assert.equal(await get().changeRefState(ref(fresh('g'), REF), DORMANT), false);
    });

    it('keep the time at which they first ended, however often they are ended', async () => {
      const { generation } = await added(get());
      await get().endRef(generation, REF, 7_000);
      await get().endRef(generation, REF, 8_000);
      assert.equal((await get().readRef(generation, REF))?.endedAt, 7_000);
    });

    it('are removed only when they have ended', async () => {
      const { generation } = await added(get());
      assert.equal(await get().removeTombstone(generation, REF), false);
      assert.notEqual(await get().readRef(generation, REF), undefined);
      await get().endRef(generation, REF, 7_000);
      assert.equal(await get().removeTombstone(generation, REF), true);
      assert.equal(await get().readRef(generation, REF), undefined);
      assert.equal(await get().removeTombstone(generation, REF), false);
    });

    it('are revived where there is no other, or exactly as they were read', async () => {
      const revived = { ...ref(fresh('g'), REF), state: 'reviving', epoch: 2, requestKey: KEY } as const;
      assert.equal(await get().reviveRef(revived, undefined), true);
      assert.deepEqual(await get().readRef(revived.generation, REF), revived);
      const other = { ...revived, requestKey: '0000000099999' };
      assert.equal(await get().reviveRef(other, undefined), false);
      assert.equal(await get().reviveRef(other, revived), true);
      assert.deepEqual(await get().readRef(revived.generation, REF), other);
    });

    it('are not revived in another state, epoch or call than was read', async () => {
      const seen = await added(get());
      const revived = { ...seen, state: 'reviving', epoch: 2, requestKey: KEY } as const;
      for (const changes of [{ state: 'gone' }, { epoch: 2 }, { requestKey: '0000000099999' }] as const) {
        assert.equal(await get().reviveRef(revived, { ...seen, ...changes }), false, JSON.stringify(changes));
      }
      assert.deepEqual(await get().readRef(seen.generation, REF), seen);
    });

    it('are found by their host, in pages', async () => {
      const hostId = fresh('host');
      const keys = Array.from({ length: 40 }, (_, i) => `0000000${String(i).padStart(6, '0')}`);
      for (const requestKey of keys) await added(get(), { hostId, requestKey });
      await added(get(), { hostId: fresh('host') });
      const seen: IndexedRef[] = [];
      let page: Page<IndexedRef> = { items: [], more: true };
      while (page.more) {
        page = await get().refsOfHost(hostId, page.items.at(-1));
        seen.push(...page.items);
      }
      assert.deepEqual(
        seen.map(({ requestKey }) => requestKey),
        keys,
      );
    });

    it('are found by their host, starting after any of them', async () => {
      const hostId = fresh('host');
      const [one, two] = [await added(get(), { hostId }), await added(get(), { hostId, requestKey: KEY })];
      const { generation, name, requestKey } = two;
      const { items } = await get().refsOfHost(hostId, one);
      assert.deepEqual(items, [{ generation, name, requestKey }]);
    });
  });
}

function hostContract(get: () => Store): void {
  describe('hosts, listed by shard,', () => {
    it('are found in exactly one shard each', async () => {
      const mine = fresh('sharded');
      const ids = Array.from({ length: 60 }, (_, i) => `${mine}-${i}`);
      const written: (Host | undefined)[] = [];
      for (const id of ids) written.push(await get().writeHost(host(id), undefined));
      const found: Host[] = [];
      const shards = new Set<number>();
      for (let shard = 0; shard < HOST_SHARDS; shard++) {
        const { items } = await get().hostsOfShard(shard);
        const own = items.filter(({ id }) => id.startsWith(mine));
        found.push(...own);
        if (own.length > 0) shards.add(shard);
        const [first, ...rest] = items;
        if (first !== undefined) assert.deepEqual((await get().hostsOfShard(shard, first.id)).items, rest);
      }
      const byId = (a: Host | undefined, b: Host | undefined): number => ((a?.id ?? '') < (b?.id ?? '') ? -1 : 1);
      assert.deepEqual(found.toSorted(byId), written.toSorted(byId));
      assert.ok(shards.size > 5, `${shards.size} shards`);
    });
  });
}

function chunkContract(get: () => Store): void {
  describe('chunks of a pool that has ended', () => {
    it('are removed when none of their slots is leased or reserved', async () => {
      const generation = fresh('g');
      const place = { generation, chunk: 70n, slot: 3 };
      await get().writeSlot(place, free(5), 'sticky', { kind: 'exactly', value: undefined });
      assert.equal(await get().removeChunk(generation, 70n), true);
      assert.deepEqual(await get().readChunks(generation, 70n, 70n), []);
      assert.equal(await get().removeChunk(generation, 70n), true);
    });

    it('stay while any of their slots is leased or reserved', async () => {
      for (let slot = 0; slot < CHUNK_SIZE; slot++) {
        for (const value of [lease(REF, KEY), reserved(OTHER)]) {
          const generation = fresh('g');
          await get().writeSlot({ generation, chunk: 0n, slot }, value, undefined, {
            kind: 'exactly',
            value: undefined,
          });
          assert.equal(await get().removeChunk(generation, 0n), false, `slot ${slot}`);
          assert.equal((await get().readChunks(generation, 0n, 0n))[0]?.slots[slot], value);
        }
      }
    });
  });
}

function walkContract(get: () => Store): void {
  const walk = async (limit: number): Promise<Found[]> => {
    const found: Found[] = [];
    for (let from: string | undefined; ;) {
      const { items, next } = await get().walk(from, limit);
      assert.ok(items.length <= limit);
      found.push(...items);
      if (next === undefined) return found;
      from = next;
    }
  };

  describe('a walk over all items', () => {
    it('visits each pool, reference and chunk once, in steps', async () => {
      const pool = await announce(get(), fresh('s'), '10.0.0.0/24');
      const { generation } = pool;
      const one = await added(get(), { generation });
      await get().writeSlot({ generation, chunk: 67n, slot: 2 }, lease(REF, KEY), undefined, {
        kind: 'free',
        cooledBy: 0,
      });
      const mine = (found: Found): boolean =>
        generation === (found.kind === 'chunk' ? found : found.kind === 'ref' ? found.ref : found.pool).generation;
      const found = (await walk(50)).filter(mine);
      const [chunk] = await get().readChunks(generation, 67n, 67n);
      const byKind = (a: Found, b: Found): number => (a.kind < b.kind ? -1 : 1);
      assert.deepEqual(found.toSorted(byKind), [
        { kind: 'chunk', generation, chunk },
        { kind: 'pool', pool },
        { kind: 'ref', ref: one },
      ]);
    });

    it('stores where it stopped', async () => {
      const use = { space: 'default', cidr: '10.0.0.0/24', size: 254, held: 7 };
      const spaces = { default: { pools4: 1, pools6: 0, size4: 254, held4: 7, held6: 0 } };
      const usage = {
        pools: 1,
        held: 7,
        fullest: [use],
        spaces,
        open: { [fresh('g')]: { ...use, cidr: '10.1.0.0/16' } },
      };
      const cursor = { shard: 3, host: 'web', fenced: 2, item: '{"pk":"a"}', walkedAt: 5_000, usage };
      await get().writeSweep(cursor);
      assert.deepEqual(await get().readSweep(), cursor);
      const start = { shard: 0, host: undefined, fenced: 0, item: undefined, walkedAt: 0, usage: undefined };
      await get().writeSweep(start);
      assert.deepEqual(await get().readSweep(), start);
    });

    it('gives a table to one Region: the first that claims it', async () => {
      const claims = await Promise.all(['eu-west-1', 'us-east-1', 'ap-south-1'].map((one) => get().claimHome(one)));
      const [home = assert.fail()] = claims;
      assert.deepEqual(new Set(claims), new Set([home]));
      assert.equal(await get().claimHome('eu-north-1'), home);
    });
  });
}
