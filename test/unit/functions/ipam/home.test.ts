/** Two Regions never write one table. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { homeRegionCheck } from '../../../../functions/ipam/hosts/home-region.ts';
import { refused } from '../../../support/fleet.ts';
import { MemoryStore } from '../../../support/memory-store.ts';

/** Counts how often the table is read. */
function table() {
  const memory = new MemoryStore();
  const asked: string[] = [];
  const claimHome = (region: string) => (asked.push(region), memory.claimHome(region));
  return {
    asked,
    check: (region?: string) => homeRegionCheck({ store: Object.assign(new MemoryStore(), { claimHome }) }, region),
  };
}

it('the first Region that writes a table becomes its home, and every other Region is refused by name', async () => {
  const memory = new MemoryStore();
  const check = (region: string) => homeRegionCheck({ store: memory }, region)();
  await check('eu-west-1');
  await check('eu-west-1');
  const words =
    /the table is written from eu-west-1, but this function runs in us-east-1; .*call the functions in eu-west-1/;
  await refused(check('us-east-1'), 'foreign-region', words);
});

it('a process in the home Region reads the home once, and a process elsewhere reads it each time', async () => {
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

it('a process without a Region does not check the home', async () => {
  const local = table();
  await local.check()();
  assert.deepEqual(local.asked, []);
});
