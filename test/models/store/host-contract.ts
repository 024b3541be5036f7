/** What every store must do with hosts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Host } from '../../../functions/ipam/host.ts';
import type { Store } from '../../../functions/ipam/store.ts';
import { fresh } from './samples.ts';

const MANY = 24;

export const host = (id: string, incarnation = 'one'): Omit<Host, 'rev'> => ({
  id,
  incarnation,
  epoch: 1,
  principal: 'arn:aws:iam::123456789012:user/ops',
  isAdopted: false,
  isAwaited: false,
  machine: {},
  ownEpoch: 0,
  former: '',
  rivalAt: 0,
  since: 1_000,
  lastSeen: 2_000,
  floor: '000000005',
  isFresh: false,
  shimVersion: '0.1.0',
  engineVersion: '',
  health: undefined,
  state: 'live',
  leaseUntil: 3_000,
  fencedAt: undefined,
  why: '',
  changedAt: 1_500,
  refsLag: false,
  heard: [],
  heardAt: 0,
});

export function hostContract(get: () => Store): void {
  describe('hosts', () => {
    it('writes a host where there is no other, and reads it back unchanged', async () => {
      const first = host(fresh('host:a.b_c-'));
      assert.equal(await get().readHost(first.id), undefined);
      const written = await get().writeHost(first, undefined);
      assert.deepEqual(written, { ...first, rev: written?.rev });
      assert.deepEqual(await get().readHost(first.id), written);
      assert.equal(await get().writeHost(host(first.id, 'two'), undefined), undefined);
      assert.deepEqual(await get().readHost(first.id), written);
    });

    it('writes a host only as it was read, and sets a new rev', async () => {
      const first = host(fresh('host'));
      const seen = await get().writeHost(first, undefined);
      const health = {
        status: 'degraded' as const,
        reason: 'it drains',
        waiting: 1,
        deadLetters: 2,
        findings: 3,
        comparedAt: undefined,
        refused: 4,
        lastRefusal: 'full',
      };
      const next = {
        ...first,
        health,
        incarnation: 'two',
        epoch: 2,
        lastSeen: 3_000,
        floor: 'zzzzzzzzz',
        isFresh: true,
      };
      const fenced = { ...next, state: 'fenced' as const, fencedAt: 4_000, why: 'silent', refsLag: true };
      const compared = { ...health, comparedAt: 5_000 };
      const adopted = {
        ...fenced,
        health: compared,
        isAdopted: true,
        isAwaited: true,
        heard: ['key1', 'key2'],
        heardAt: 4_000,
      };
      const written = await get().writeHost(next, seen);
      assert.deepEqual(written, { ...next, rev: written?.rev });
      assert.notEqual(written.rev, seen?.rev);
      assert.equal(await get().writeHost(host(first.id, 'three'), seen), undefined);
      assert.deepEqual(await get().readHost(first.id), written);
      const slept = await get().writeHost(fenced, written);
      await get().writeHost(adopted, slept);
      const read = await get().readHost(first.id);
      assert.deepEqual(read, { ...adopted, rev: read?.rev });
      assert.equal((await get().writeHost(next, read))?.fencedAt, undefined);
    });

    it('does not write a host that was read but no longer exists', async () => {
      const absent = host(fresh('host'));
      assert.equal(await get().writeHost(absent, { ...absent, rev: '000000000001' }), undefined);
      assert.equal(await get().readHost(absent.id), undefined);
    });

    it('removes a host only as it was read', async () => {
      const first = host(fresh('host'));
      const seen = (await get().writeHost(first, undefined)) ?? assert.fail();
      const next = (await get().writeHost(host(first.id, 'two'), seen)) ?? assert.fail();
      assert.equal(await get().removeHost(seen), false);
      assert.deepEqual(await get().readHost(first.id), next);
      assert.equal(await get().removeHost(next), true);
      assert.equal(await get().readHost(first.id), undefined);
      assert.equal(await get().removeHost(next), false);
      assert.equal(await get().writeHost(host(first.id, 'three'), next), undefined);
    });

    for (const [what, isNew] of [
      ['register a new host', true],
      ['change a host', false],
    ] as const) {
      it(`lets one of many ${what}`, async () => {
        const id = fresh('host');
        const seen = isNew ? undefined : await get().writeHost(host(id), undefined);
        const written = await Promise.all(
          Array.from({ length: MANY }, (_, i) => get().writeHost(host(id, `rival${i}`), seen)),
        );
        const winners = written.filter((one) => one !== undefined);
        assert.equal(winners.length, 1);
        assert.deepEqual(await get().readHost(id), winners[0]);
      });
    }
  });
}
