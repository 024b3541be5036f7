/** What every store must do when many callers ask at once, and when there is much to read. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CHUNKS_PER_GROUP, CHUNK_SIZE } from '../../../functions/ipam/chunk.ts';
import type { Pool } from '../../../functions/ipam/pool.ts';
import type { Ref } from '../../../functions/ipam/ref.ts';
import { SLOT_MAX_BYTES, encodeSlot } from '../../../functions/ipam/slot.ts';
import type { Page, Store } from '../../../functions/ipam/store.ts';
import { type Cidr, cidrRange, formatCidr } from '../../../protocol/address.ts';
import { REF, announce, draft, fresh, ref, added, cidr } from './samples.ts';

const MANY = 24;
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

export function crowdContract(get: () => Store): void {
  rivalContract(get);
  sizeContract(get);
}

function rivalContract(get: () => Store): void {
  describe('many callers at once', () => {
    it('claim one slot: one wins, and every loser gets what the winner wrote', async () => {
      const place = { generation: fresh('g'), chunk: 3n, slot: 5 };
      const value = (i: number) =>
        encodeSlot({
          kind: 'leased',
          ref: REF,
          requestKey: `00000000${String(i).padStart(5, '0')}`,
          mac: '',
          name: '',
        });
      const outcomes = await Promise.all(
        numbers(MANY).map((i) => get().writeSlot(place, value(i), 'sticky', { kind: 'free', cooledBy: 0 })),
      );
      const winner = outcomes.findIndex(({ written }) => written);
      assert.equal(outcomes.filter(({ written }) => written).length, 1);
      const shown = outcomes.flatMap((outcome) => (outcome.written ? [] : [outcome.chunk.slots[place.slot]]));
      assert.deepEqual(new Set(shown), new Set([value(winner)]));
    });

    it('announce one pool: one wins, and all others get its pool', async () => {
      const space = fresh('s');
      const results = await Promise.all(numbers(MANY).map(() => get().announcePool(draft(space, '10.0.0.0/24'))));
      const announced = results.flatMap((result) => ('announced' in result ? [result.announced] : []));
      const standing = results.flatMap((result) => ('standing' in result ? [result.standing] : []));
      assert.equal(announced.length, 1);
      for (const pool of standing) assert.deepEqual(pool, announced[0]);
    });

    it('change one pool: one wins', async () => {
      const pool = await announce(get(), fresh('s'), '10.0.0.0/24');
      const changed = await Promise.all(numbers(MANY).map(() => get().changePool(pool, 'confirmed')));
      assert.equal(changed.filter((one) => one !== undefined).length, 1);
      assert.deepEqual(
        await get().readPool(pool.space, pool.cidr),
        changed.find((one) => one !== undefined),
      );
    });

    it('remove one pool: one wins', async () => {
      const pool = await announce(get(), fresh('s'), '10.0.0.0/24');
      const removed = await Promise.all(numbers(MANY).map(() => get().removePool(pool)));
      assert.equal(removed.filter(Boolean).length, 1);
      assert.equal(await get().readPool(pool.space, pool.cidr), undefined);
    });

    it('set one name: one wins', async () => {
      const space = fresh('s');
      const target = (i: number) => ({ cidr: cidr('10.0.0.0/24'), generation: `g${i}` });
      const set = await Promise.all(numbers(MANY).map((i) => get().writePoolName(space, 'ci', target(i), undefined)));
      assert.equal(set.filter(Boolean).length, 1);
      assert.deepEqual(await get().readPoolName(space, 4, 'ci'), target(set.indexOf(true)));
    });

    it('list what one reference keeps: one wins', async () => {
      const seen = await added(get());
      const kept = (i: number) => ({
        gateway: undefined,
        reserved: [{ family: 4 as const, first: BigInt(i), last: 99n }],
        asked: seen.asked,
      });
      const written = await Promise.all(numbers(MANY).map((i) => get().writeKept(seen, kept(i))));
      assert.equal(written.filter(Boolean).length, 1);
      const now = await get().readRef(seen.generation, REF);
      assert.deepEqual(now?.reserved, kept(written.indexOf(true)).reserved);
    });
  });
}

/** As long as a reference may become: some hundreds of ranges. */
const longRef = (generation: string, i: number): Ref => ({
  ...ref(generation, `hosthost${String(i).padStart(6, '0')}`),
  reserved: numbers(800).map((j) => ({
    family: 4,
    first: BigInt(0x0a000000 + 4 * j),
    last: BigInt(0x0a000001 + 4 * j),
  })),
});

function sizeContract(get: () => Store): void {
  describe('a long answer', () => {
    it('a whole group of chunks that are full of the longest slots is read at once', async () => {
      const generation = fresh('g');
      const name = 'x'.repeat(SLOT_MAX_BYTES);
      const value = (slot: number) =>
        encodeSlot({ kind: 'leased', ref: REF, requestKey: `00000000${String(slot).padStart(5, '0')}`, mac: '', name });
      const chunks = numbers(Number(CHUNKS_PER_GROUP));
      for (const slot of numbers(CHUNK_SIZE)) {
        await Promise.all(
          chunks.map((chunk) =>
            get().writeSlot({ generation, chunk: BigInt(chunk), slot }, value(slot), 'sticky', {
              kind: 'free',
              cooledBy: 0,
            }),
          ),
        );
      }
      const read = await get().readChunks(generation, 0n, CHUNKS_PER_GROUP - 1n);
      assert.deepEqual(
        read.map(({ index }) => Number(index)),
        chunks,
      );
      for (const { slots, stickies } of read) {
        assert.deepEqual(slots, numbers(CHUNK_SIZE).map(value));
        assert.ok(stickies.every((sticky) => sticky === 'sticky'));
      }
    });

    it('more references than one answer can hold are read', async () => {
      const generation = fresh('g');
      const refs = numbers(90).map((i) => longRef(generation, i));
      await Promise.all(refs.map((one) => get().addRef(one)));
      const found: Ref[] = [];
      let page: Page<Ref> = { items: [], more: true };
      let pages = 0;
      while (page.more) {
        page = await get().refsOf(generation, page.items.at(-1)?.name);
        found.push(...page.items);
        pages++;
      }
      assert.deepEqual(found, refs);
      assert.ok(pages > 1, `${pages} pages`);
    });

    it('a query in either direction finds every pool that exists all the time, while others come and go', async () => {
      const space = fresh('s');
      const pools = numbers(120).map((i) => `10.0.${i * 2}.0/24`);
      const standing = await Promise.all(pools.map((text) => announce(get(), space, text)));
      const whole = cidrRange(cidr('10.0.0.0/16'));
      const directions: readonly ((from?: Cidr) => Promise<Page<Pool>>)[] = [
        (from) => get().poolsStartingIn(space, whole, from),
        (from) => get().poolsStartingBefore(space, { family: 4, value: whole.last }, from),
      ];
      for (const look of directions) {
        const seen: string[] = [];
        let page: Page<Pool> = { items: [], more: true };
        while (page.more) {
          const guest = await announce(get(), space, `10.0.${seen.length * 2 + 1}.0/24`);
          page = await look(page.items.at(-1)?.cidr);
          seen.push(...page.items.map((pool) => formatCidr(pool.cidr)));
          await get().removePool(guest);
        }
        for (const pool of standing) assert.equal(seen.filter((text) => text === formatCidr(pool.cidr)).length, 1);
      }
    });

    it('IPv6 pools are sorted by their start, then by their prefix length', async () => {
      const space = fresh('s');
      const sorted = ['fd00::/16', 'fd00::/64', 'fd00::/127', 'fd00::2/128', 'fd00::10/124', 'fd00:0:0:1::/64'];
      await Promise.all(sorted.toReversed().map((text) => announce(get(), space, text)));
      await announce(get(), space, '10.0.0.0/24');
      const { items } = await get().poolsStartingIn(space, cidrRange(cidr('fd00::/16')));
      assert.deepEqual(
        items.map((pool) => formatCidr(pool.cidr)),
        sorted,
      );
    });
  });
}
