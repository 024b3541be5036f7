import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SpaceMemory } from '../../../../functions/ipam/spaces/cache.ts';
import { fleet } from '../../../support/fleet.ts';

it("a space's time to forget is read once a minute, however many hosts send heartbeats", async () => {
  const deps = fleet();
  const memory = new SpaceMemory(deps);
  const set = (forgetAfter: number) => deps.store.spaces.set('ci', { settings: { forgetAfter }, rev: 'r' });
  assert.equal(await memory.forgetAfter('default'), 7 * 86_400_000);
  set(60_000);
  assert.equal(await memory.forgetAfter('ci'), 60_000);
  set(120_000);
  deps.world.advance(59_999);
  assert.equal(await memory.forgetAfter('ci'), 60_000);
  deps.world.advance(1);
  assert.equal(await memory.forgetAfter('ci'), 120_000);
});
