/** Writes whose answer is lost on its way back are repeated, and the repeat recognises what has landed. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { leasesUpTo } from '../../../functions/ipam/slot.ts';
import type { Store } from '../../../functions/ipam/store.ts';
import type { EngineStore } from '../../support/engine-store.ts';
import { host } from './host-contract.ts';
import { KEY, OTHER, REF, announce, draft, free, fresh, lease, ref, added, cidr } from './samples.ts';

const PLACE = { chunk: 0n, slot: 0 };

/** @param why the reason to skip it, if it cannot run here. */
export function lostAnswers(name: string, open: () => Promise<EngineStore>, why?: string): void {
  describe(`lost answers of ${name}`, { skip: why ?? false }, () => {
    let engine: EngineStore;
    let store: Store;
    /** How many of the next answers get lost, and how many requests were sent. */
    let losses = 0;
    let requests = 0;

    before(async () => {
      engine = await open();
      store = engine.store;
      engine.client.middlewareStack.add(
        (next) => async (input) => {
          requests++;
          const answer = next(input);
          await Promise.allSettled([answer]);
          if (losses-- > 0) throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
          return answer;
        },
        { step: 'initialize' },
      );
    });
    after(() => engine.close());
    afterEach(() => {
      losses = 0;
    });

    /** Runs an operation whose first answer is lost. */
    async function losing<T>(operation: () => Promise<T>): Promise<T> {
      losses = 1;
      requests = 0;
      const result = await operation();
      assert.equal(requests, 2, 'the request is repeated once');
      return result;
    }

    it('a repeated announcement leaves one announcement, which counts as ours', async () => {
      const space = fresh('s');
      const result = await losing(() => store.announcePool(draft(space, '10.0.0.0/24')));
      assert.ok('announced' in result);
      assert.deepEqual(result.announced, await store.readPool(space, cidr('10.0.0.0/24')));
    });

    it('a repeated announcement where another exists does not make that one ours', async () => {
      const pool = await announce(store, fresh('s'), '10.0.0.0/24');
      assert.deepEqual(await losing(() => store.announcePool(draft(pool.space, '10.0.0.0/24'))), { standing: pool });
    });

    it('a repeated change of a pool returns the pool as it is now', async () => {
      const pool = await announce(store, fresh('s'), '10.0.0.0/24');
      const changed = await losing(() => store.changePool(pool, 'confirmed'));
      assert.equal(changed?.state, 'confirmed');
      assert.deepEqual(changed, await store.readPool(pool.space, pool.cidr));
    });

    it('a repeated removal of a pool counts as removed', async () => {
      const pool = await announce(store, fresh('s'), '10.0.0.0/24');
      assert.equal(await losing(() => store.removePool(pool)), true);
      assert.equal(await store.readPool(pool.space, pool.cidr), undefined);
    });

    it('adding a reference, listing its reservations and ending it succeed when repeated', async () => {
      const one = ref(fresh('g'), REF);
      assert.equal(await losing(() => store.addRef(one)), true);
      assert.equal(await losing(() => store.writeKept(one, { gateway: undefined, reserved: [], asked: [] })), true);
      assert.equal(await losing(() => store.endRef(one.generation, REF, 7_000)), true);
    });

    it('a repeated addition of a reference that another call has added does not make it ours', async () => {
      const rival = { ...(await added(store)), requestKey: '0000000099999' };
      assert.equal(await losing(() => store.addRef(rival)), false);
    });

    it('a repeated addition of a reference that has ended since does not revive it', async () => {
      const one = await added(store);
      await store.endRef(one.generation, REF, 7_000);
      assert.equal(await losing(() => store.addRef(one)), false);
      assert.equal((await store.readRef(one.generation, REF))?.state, 'gone');
    });

    it('a repeated listing of reservations that another call has changed does not make them ours', async () => {
      const one = await added(store);
      await store.writeKept(one, { gateway: undefined, reserved: [], asked: [] });
      assert.equal(await losing(() => store.writeKept(one, { ...one, gateway: undefined })), false);
    });

    it('a repeated change of a pool that another call has changed does not make the change ours', async () => {
      const pool = await announce(store, fresh('s'), '10.0.0.0/24');
      const changed = await store.changePool(pool, 'confirmed');
      assert.equal(await losing(() => store.changePool(pool, 'retiring')), undefined);
      assert.equal(await losing(() => store.removePool(pool)), false);
      assert.deepEqual(await store.readPool(pool.space, pool.cidr), changed);
    });

    it('a repeated release that comes too late frees no later lease', async () => {
      const place = { ...PLACE, generation: fresh('g') };
      await store.writeSlot(place, lease(OTHER, KEY), undefined, { kind: 'exactly', value: undefined });
      const outcome = await losing(() => store.releaseSlot(place, free(7), leasesUpTo(REF, 'zzzzzzzzz')));
      assert.equal(!outcome.written && outcome.chunk.slots[0], lease(OTHER, KEY));
    });

    it('a repeated setting of a name that another call has taken does not make it ours', async () => {
      const space = fresh('s');
      const theirs = { cidr: cidr('10.0.0.0/24'), generation: 'g1' };
      await store.writePoolName(space, 'ci', theirs, undefined);
      const ours = { ...theirs, generation: 'g2' };
      assert.equal(await losing(() => store.writePoolName(space, 'ci', ours, undefined)), false);
      assert.deepEqual(await store.readPoolName(space, 4, 'ci'), theirs);
    });

    it('a claim and a release of an address succeed when repeated', async () => {
      const place = { ...PLACE, generation: fresh('g') };
      const claim = () => store.writeSlot(place, lease(REF, KEY), 'stick1', { kind: 'free', cooledBy: 0 });
      assert.deepEqual(await losing(claim), { written: true });
      const release = () => store.releaseSlot(place, free(7), leasesUpTo(REF, 'zzzzzzzzz'));
      assert.deepEqual(await losing(release), { written: true });
    });

    it('a repeated claim of an address that another call has taken still fails', async () => {
      const place = { ...PLACE, generation: fresh('g') };
      await store.writeSlot(place, lease(OTHER, KEY), undefined, { kind: 'exactly', value: undefined });
      const claim = () => store.writeSlot(place, lease(REF, KEY), 'stick1', { kind: 'free', cooledBy: 0 });
      const outcome = await losing(claim);
      assert.equal(!outcome.written && outcome.chunk.slots[0], lease(OTHER, KEY));
    });

    it('setting a name succeeds when repeated', async () => {
      const space = fresh('s');
      const name = { cidr: cidr('10.0.0.0/24'), generation: 'g1' };
      assert.equal(await losing(() => store.writePoolName(space, 'ci', name, undefined)), true);
    });

    it('writing the settings of a space succeeds when repeated', async () => {
      const space = fresh('s');
      const first = await losing(() => store.writeSpace(space, { size4: 26 }, undefined));
      assert.deepEqual(first, await store.readSpace(space));
      const second = await losing(() => store.writeSpace(space, {}, first));
      assert.deepEqual(second?.settings, {});
      assert.deepEqual(second, await store.readSpace(space));
    });

    it('repeated settings of a space that come too late do not count as ours', async () => {
      const space = fresh('s');
      const theirs = await store.writeSpace(space, { size4: 26 }, undefined);
      assert.equal(await losing(() => store.writeSpace(space, { size4: 27 }, undefined)), undefined);
      assert.equal(await losing(() => store.writeSpace(space, { size4: 27 }, { settings: {}, rev: 'r0' })), undefined);
      assert.deepEqual(await store.readSpace(space), theirs);
    });

    it('a registration succeeds when repeated', async () => {
      const first = await losing(() => store.writeHost(host('lost'), undefined));
      assert.deepEqual(first, await store.readHost('lost'));
      const second = await losing(() => store.writeHost(host('lost', 'two'), first));
      assert.equal(second?.incarnation, 'two');
      assert.deepEqual(second, await store.readHost('lost'));
    });

    it('a repeated registration that comes too late does not count as ours', async () => {
      const seen = await store.writeHost(host('late'), undefined);
      const theirs = await store.writeHost(host('late', 'theirs'), seen);
      assert.equal(await losing(() => store.writeHost(host('late', 'ours'), seen)), undefined);
      assert.equal(await losing(() => store.writeHost(host('late', 'ours'), undefined)), undefined);
      assert.deepEqual(await store.readHost('late'), theirs);
    });

    it('a repeated removal of a host counts as removed, unless it has registered since', async () => {
      const seen = (await store.writeHost(host('gone'), undefined)) ?? assert.fail();
      assert.equal(await losing(() => store.removeHost(seen)), true);
      assert.equal(await store.readHost('gone'), undefined);
      const back = await store.writeHost(host('gone', 'two'), undefined);
      assert.equal(await losing(() => store.removeHost(seen)), false);
      assert.deepEqual(await store.readHost('gone'), back);
    });

    it('a change of the state of a reference succeeds when repeated', async () => {
      const seen = await added(store);
      const dormant = { state: 'dormant', epoch: 1, fencedAt: 5_000, endedAt: undefined } as const;
      assert.equal(await losing(() => store.changeRefState(seen, dormant)), true);
      assert.deepEqual(await store.readRef(seen.generation, REF), { ...seen, ...dormant });
    });

    it('a repeated change of the state of a reference that comes too late does not count as ours', async () => {
      const seen = await added(store);
      await store.endRef(seen.generation, REF, 7_000);
      const live = { state: 'live', epoch: 1, fencedAt: undefined, endedAt: 7_000 } as const;
      assert.equal(await losing(() => store.changeRefState(seen, live)), false);
      assert.equal((await store.readRef(seen.generation, REF))?.state, 'gone');
    });

    it('a revival succeeds when repeated', async () => {
      const revived = { ...ref(fresh('g'), REF), state: 'reviving' } as const;
      assert.equal(await losing(() => store.reviveRef(revived, undefined)), true);
    });

    it('a repeated revival that comes too late does not count as ours', async () => {
      const revived = { ...ref(fresh('g'), REF), state: 'reviving' } as const;
      await store.reviveRef(revived, undefined);
      await store.endRef(revived.generation, REF, 7_000);
      assert.equal(await losing(() => store.reviveRef(revived, undefined)), false);
      const other = { ...ref(fresh('g'), REF), state: 'reviving' } as const;
      await store.reviveRef({ ...other, requestKey: '0000000099999' }, undefined);
      assert.equal(await losing(() => store.reviveRef(other, undefined)), false);
    });

    it('a repeated removal of a tombstone counts as removed', async () => {
      const { generation } = await added(store);
      await store.endRef(generation, REF, 7_000);
      assert.equal(await losing(() => store.removeTombstone(generation, REF)), true);
      assert.equal(await store.readRef(generation, REF), undefined);
    });

    it('a request whose answers are all lost is repeated a bounded number of times', async () => {
      losses = 100;
      requests = 0;
      await assert.rejects(store.readSpace('default'), /socket hang up/);
      assert.equal(requests, 6);
    });

    it('an invalid request is not repeated', async () => {
      requests = 0;
      await assert.rejects(store.readRef('x'.repeat(3_000), REF), { name: 'ValidationException' });
      assert.equal(requests, 1);
    });
  });
}
