import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { KnownNetworks } from '../../../shim/host/known-networks.ts';
import { keyAfter } from '../../../shim/host/sequence.ts';
import { temporaryFolder } from './temporary.ts';

const noWarning = (text: string): void => {
  assert.fail(text);
};

describe('the networks that dockerd was given', () => {
  it('are known after a restart, except for those that were released', async (t) => {
    const folder = await temporaryFolder(t);
    const networks = new KnownNetworks(folder, noWarning);
    for (const poolId of ['one', 'two', 'three']) networks.granted(poolId);
    networks.released('two');
    networks.released('never');
    assert.deepEqual(new KnownNetworks(folder, noWarning).poolIds, ['one', 'three']);
  });

  it('are forgotten with a warning when the file is damaged', async (t) => {
    const folder = await temporaryFolder(t, { 'networks.json': '["one' });
    const warnings: string[] = [];
    assert.deepEqual(new KnownNetworks(folder, (text) => warnings.push(text)).poolIds, []);
    assert.match(warnings.join(), /networks\.json is damaged and is written again$/);
  });

  it('are still known to this process when they cannot be written, and a warning is logged', async (t) => {
    const folder = path.join(await temporaryFolder(t), 'data');
    mkdirSync(folder);
    const warnings: string[] = [];
    const networks = new KnownNetworks(folder, (text) => warnings.push(text));
    rmSync(folder, { recursive: true });
    networks.granted('one');
    assert.deepEqual(networks.poolIds, ['one']);
    assert.match(warnings.join(), /^cannot save which networks this host has: .*ENOENT/);
  });
});

describe('the key of a release of one lease', () => {
  it('is greater than that of its request, and less than any later one', () => {
    const key = keyAfter('0mkhklzk1abcd');
    assert.match(key, /^0mkhklzk2[0-9a-z]{4}$/);
    assert.equal(keyAfter('0mkhklzkzabcd').slice(0, 9), '0mkhklzl0');
  });
});
