/** Two Regions never write one table. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { homeRegionCheck } from '../../../../functions/ipam/hosts/home-region.ts';
import { refused } from '../../../support/fleet.ts';
import { MemoryStore } from '../../../support/memory-store.ts';

/** Counts how often the table is asked. */
function table() {
  const memory = new MemoryStore();
  const asked: string[] = [];
  const claimHome = (region: string) => (asked.push(region), memory.claimHome(region));
  return {
    asked,
    check: (region?: string) => homeRegionCheck({ store: Object.assign(new MemoryStore(), { claimHome }) }, region),
  };
}

it('the first Region that writes a table is its home, and every other is refused by name', async () => {
  const memory = new MemoryStore();
  const check = (region: string) => homeRegionCheck({ store: memory }, region)();
  await check('eu-west-1');
  await check('eu-west-1');
  const words =
    /the table is written from eu-west-1, but this function runs in us-east-1; .*call the functions in eu-west-1/;
  await refused(check('us-east-1'), 'foreign-region', words);
});

it('a process asks once while it is at home, and again while it is not', async () => {
  const home = table();
  const check = home.check('eu-west-1');
  await check();
  await check();
  assert.deepEqual(home.asked, ['eu-west-1']);
  const away = home.check('us-east-1');
  await assert.rejects(away());
  await assert.rejects(away());
  assert.equal(home.asked.length, 3);
});

it('where there is no Region, there is nothing to be checked', async () => {
  const local = table();
  await local.check()();
  assert.deepEqual(local.asked, []);
});
