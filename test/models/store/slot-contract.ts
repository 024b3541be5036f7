/** What every store must do with slots. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SlotPlace } from '../../../functions/ipam/chunk.ts';
import { leasesUpTo } from '../../../functions/ipam/slot.ts';
import type { Store } from '../../../functions/ipam/store.ts';
import { KEY, OTHER, REF, free, fresh, lease, reserved } from './samples.ts';

export function slotContract(get: () => Store): void {
  const place = (): SlotPlace => ({ generation: fresh('g'), chunk: 130n, slot: 11 });
  const slotAt = async ({ generation, chunk, slot }: SlotPlace) =>
    (await get().readChunks(generation, chunk, chunk))[0]?.slots[slot];
  const put = async (at: SlotPlace, value: string, sticky?: string) => {
    const current = await slotAt(at);
    const outcome = await get().writeSlot(at, value, sticky, { kind: 'exactly', value: current });
    assert.equal(outcome.written, true);
  };

  describe('slots', () => {
    it('claims only a slot that was never used or has cooled down', async () => {
      const at = place();
      const claim = (key: string, cooledBy: number) =>
        get().writeSlot(at, lease(REF, key), 'stick1', { kind: 'free', cooledBy });
      assert.deepEqual(await claim(KEY, 0), { written: true });
      assert.equal((await claim('0000000061111', 9_999)).written, false);
      await put(at, free(5_000));
      assert.equal((await claim('0000000061111', 5_000)).written, false);
      assert.deepEqual(await claim('0000000061111', 5_001), { written: true });
      await put(at, reserved(OTHER));
      assert.equal((await claim('0000000071111', 9_999)).written, false);
    });

    it('spares a slot whose address was last asked for explicitly, if the claim says so', async () => {
      const at = place();
      const claim = (key: string, sparesGiven: boolean) =>
        get().writeSlot(at, lease(REF, key), 'stick1', { kind: 'free', cooledBy: 9_999, sparesGiven });
      assert.deepEqual(await claim(KEY, true), { written: true });
      await put(at, free(5_000), 'stick1');
      assert.deepEqual(await claim('0000000061111', true), { written: true });
      await put(at, free(5_000), '!tick1');
      const outcome = await claim('0000000071111', true);
      assert.ok(!outcome.written);
      assert.equal(outcome.chunk.stickies[at.slot], '!tick1');
      assert.deepEqual(await claim('0000000081111', false), { written: true });
      const leased = await claim('0000000091111', true);
      assert.equal(leased.written, false, 'the slot is leased, whatever its tag says');
    });

    it('returns the whole chunk to a claim that fails', async () => {
      const at = place();
      await put(at, lease(OTHER, KEY), 'stick9');
      await put({ ...at, slot: 3 }, free(7));
      const outcome = await get().writeSlot(at, lease(REF, KEY), 'stick1', { kind: 'free', cooledBy: 0 });
      if (outcome.written) assert.fail('it should have lost');
      assert.equal(outcome.chunk.index, at.chunk);
      assert.equal(outcome.chunk.slots[at.slot], lease(OTHER, KEY));
      assert.equal(outcome.chunk.stickies[at.slot], 'stick9');
      assert.equal(outcome.chunk.slots[3], free(7));
      assert.equal(outcome.chunk.slots[0], undefined);
    });

    it('does not write a slot of a missing chunk when it expects a value', async () => {
      const at = place();
      const outcome = await get().writeSlot(at, lease(REF, KEY), undefined, { kind: 'exactly', value: free(1) });
      if (outcome.written) assert.fail('it should have lost');
      assert.equal(outcome.chunk.slots[at.slot], undefined);
      assert.deepEqual(await get().readChunks(at.generation, at.chunk, at.chunk), []);
    });

    it('writes a slot only if it has exactly the expected value', async () => {
      const at = place();
      assert.equal(
        (await get().writeSlot(at, free(1), undefined, { kind: 'exactly', value: undefined })).written,
        true,
      );
      assert.equal(
        (await get().writeSlot(at, free(3), undefined, { kind: 'exactly', value: undefined })).written,
        false,
      );
      assert.equal((await get().writeSlot(at, free(3), undefined, { kind: 'exactly', value: free(2) })).written, false);
      assert.equal((await get().writeSlot(at, free(3), undefined, { kind: 'exactly', value: free(1) })).written, true);
    });

    it('treats a write that is already done as success', async () => {
      const at = place();
      const claim = () => get().writeSlot(at, lease(REF, KEY), 'stick1', { kind: 'free', cooledBy: 0 });
      assert.deepEqual(await claim(), { written: true });
      assert.deepEqual(await claim(), { written: true });
    });

    it('releases only leases of one reference that were asked for before, and keeps the sticky tag', async () => {
      const at = place();
      const release = (refName: string, sequence: string) =>
        get().releaseSlot(at, free(9), leasesUpTo(refName, sequence));
      assert.equal((await release(REF, '000000006')).written, false);
      await put(at, lease(REF, KEY), 'stick1');
      assert.equal((await release(OTHER, '000000006')).written, false);
      assert.equal((await release(REF, '000000004')).written, false);
      assert.equal((await release(REF, '000000005')).written, false);
      assert.equal((await release(REF, '000000006')).written, true);
      const [chunk] = await get().readChunks(at.generation, at.chunk, at.chunk);
      assert.equal(chunk?.slots[at.slot], free(9));
      assert.equal(chunk.stickies[at.slot], 'stick1');
    });

    it('releases neither a reservation nor a free slot', async () => {
      const at = place();
      for (const value of [reserved(REF), free(1)]) {
        await put(at, value);
        const outcome = await get().releaseSlot(at, free(9), leasesUpTo(REF, 'zzzzzzzzz'));
        assert.equal(outcome.written, false);
        assert.equal(await slotAt(at), value);
      }
    });

    it('reads the chunks of a group that exist, in order', async () => {
      const generation = fresh('g');
      for (const chunk of [127n, 64n, 100n, 128n, 63n]) await put({ generation, chunk, slot: 0 }, free(Number(chunk)));
      const read = async (first: bigint, last: bigint) =>
        (await get().readChunks(generation, first, last)).map(({ index }) => index);
      assert.deepEqual(await read(64n, 127n), [64n, 100n, 127n]);
      assert.deepEqual(await read(65n, 100n), [100n]);
      assert.deepEqual(await read(128n, 128n), [128n]);
      assert.deepEqual(await read(0n, 62n), []);
    });

    it('stores the last chunks of an IPv6 pool', async () => {
      const at = { generation: fresh('g'), chunk: (1n << 60n) - 1n, slot: 15 };
      await put(at, lease(REF, KEY));
      assert.equal(await slotAt(at), lease(REF, KEY));
    });
  });
}
