/** What every store must do with the settings of spaces. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SpaceSettings } from '../../../functions/ipam/space.ts';
import type { Store } from '../../../functions/ipam/store.ts';
import { fresh, cidr } from './samples.ts';

const MANY = 24;

export const SETTINGS: SpaceSettings = {
  ranges: [cidr('10.64.0.0/16'), cidr('fd01::/48')],
  size4: 26,
  size6: 80,
  excluded: [cidr('10.64.7.0/24')],
  cooldown: 5_000,
  forgetAfter: 60_000,
  maxPools: 0,
  maxNetworksPerHost: 7,
  widest4: 12,
  widest6: 40,
  givenOutside: false,
  maxHostsPerPrincipal: 3,
  managers: ['m1', 'i-0123456789abcdef0'],
};

export function spaceContract(get: () => Store): void {
  describe('the term of a space', () => {
    it('goes up by one, and only one of many callers that raise it at once succeeds', async () => {
      const [space, other] = [fresh('s'), fresh('s')];
      assert.equal(await get().readTerm(space), 0);
      for (let term = 0; term < 3; term++) {
        const raised = await Promise.all(Array.from({ length: MANY }, () => get().raiseTerm(space, term)));
        assert.equal(raised.filter(Boolean).length, 1);
        assert.equal(await get().readTerm(space), term + 1);
      }
      assert.equal(await get().raiseTerm(space, 1), false);
      assert.deepEqual([await get().readTerm(space), await get().readTerm(other)], [3, 0]);
      // The term is neither a setting nor a pool.
      assert.equal(await get().readSpace(space), undefined);
    });
  });

  describe('settings of spaces', () => {
    it('are undefined for a space that was never configured', async () => {
      assert.equal(await get().readSpace(fresh('s')), undefined);
    });

    it('are written where the space does not have any, and read back unchanged', async () => {
      const space = fresh('s');
      const written = await get().writeSpace(space, SETTINGS, undefined);
      assert.deepEqual(written?.settings, SETTINGS);
      assert.deepEqual(await get().readSpace(space), written);
      assert.equal(await get().writeSpace(space, {}, undefined), undefined);
      assert.deepEqual(await get().readSpace(space), written);
    });

    it('are changed only as they were read, and a setting that is left out is removed', async () => {
      const space = fresh('s');
      const seen = await get().writeSpace(space, SETTINGS, undefined);
      const written = await get().writeSpace(space, { size4: 27, ranges: [], cooldown: undefined }, seen);
      assert.notEqual(written?.rev, seen?.rev);
      assert.equal(await get().writeSpace(space, SETTINGS, seen), undefined);
      const read = await get().readSpace(space);
      assert.equal(read?.rev, written?.rev);
      assert.deepEqual({ cooldown: undefined, ...read?.settings }, { size4: 27, ranges: [], cooldown: undefined });
    });

    it('of one space do not apply to another', async () => {
      const [one, two] = [fresh('s'), fresh('s')];
      await get().writeSpace(one, SETTINGS, undefined);
      assert.equal(await get().readSpace(two), undefined);
    });

    for (const [what, isNew] of [
      ['set a new space', true],
      ['change a space', false],
    ] as const) {
      it(`are those of exactly one of many callers that ${what} at once`, async () => {
        const space = fresh('s');
        const seen = isNew ? undefined : await get().writeSpace(space, SETTINGS, undefined);
        const written = await Promise.all(
          Array.from({ length: MANY }, (_, i) => get().writeSpace(space, { size4: 1 + i }, seen)),
        );
        const winners = written.filter((one) => one !== undefined);
        assert.equal(winners.length, 1);
        assert.deepEqual(await get().readSpace(space), winners[0]);
      });
    }
  });
}
