/** Operators see who had an address: the command, in a fleet whose history follows what dockerd asked for. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import * as v from 'valibot';
import { runBerth } from '../../support/berth-process.ts';
import { until } from '../../support/deadlines.ts';
import { root } from '../../support/repository.ts';
import { folders, ipam, requestPool, up, useStage } from '../../support/stage.ts';

useStage();

const berth = (...args: string[]) => runBerth([...args, '--endpoint', `unix:${folders.data}/cloud/capabilities.sock`]);

const LEASE = {
  'com.docker.network.endpoint.macaddress': '02:42:0a:01:00:09',
  'com.docker.network.endpoint.name': 'db',
};
const NEXT = { ...LEASE, 'com.docker.network.endpoint.name': 'web' };

const now = (): number => Math.floor(Date.now() / 1_000);

/** Waits for the next second: history knows whole seconds. */
const nextSecond = async (): Promise<void> => {
  const began = now();
  await until(() => now() > began + 1, 'a second passes', { milliseconds: 5_000, pause: 50 });
};

const timeless = (text: string): string => text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME');

/** The output that the document shows for a command that begins so. */
function documented(command: string): string {
  const lines = readFileSync(path.join(root, 'docs/history.md'), 'utf8').split('\n');
  const start = lines.findIndex((line) => line.startsWith(`    $ berth ${command}`)) + 1;
  assert.ok(start > 0, command);
  const length = lines.slice(start).findIndex((line) => !line.startsWith('    '));
  const output = lines.slice(start, start + length).map((line) => line.slice(4));
  return `${output.join('\n')}\n`;
}

const past = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    version: v.literal(1),
    past: v.object({ states: v.array(v.object({ state: v.string(), endpoint: v.string() })) }),
  }),
);

describe('who had an address', () => {
  it('is known to the second, also after another endpoint got it', async () => {
    await up();
    const refused = await berth('whois', '10.1.0.9', '--at', '2020-01-01');
    assert.equal(refused.code, 3);
    assert.match(refused.err, /is not known/);
    const isKnown = async (at: number): Promise<boolean> =>
      (await berth('whois', '10.1.0.9', '--at', String(at))).code === 0;
    await until(() => isKnown(now() - 15), 'history has begun', { milliseconds: 90_000, pause: 2_000 });
    const before = now();
    await nextSecond();
    const { PoolID } = await requestPool('10.1.0.0/24');
    await ipam('RequestAddress', { PoolID, Address: '10.1.0.9', Options: LEASE });
    await nextSecond();
    const first = now();
    await nextSecond();
    await ipam('ReleaseAddress', { PoolID, Address: '10.1.0.9' });
    await nextSecond();
    const between = now();
    await nextSecond();
    await ipam('RequestAddress', { PoolID, Address: '10.1.0.9', Options: NEXT });
    await nextSecond();
    const last = now();
    await until(() => isKnown(last), 'history has followed', { milliseconds: 60_000, pause: 2_000 });
    const { out } = await berth('whois', '10.1.0.9', '--at', new Date(first * 1_000).toISOString());
    assert.equal(timeless(out), timeless(documented('whois 10.1.0.9 --at')));
    for (const [at, state, endpoint] of [
      [before, 'none', ''],
      [first, 'leased', 'db'],
      [between, 'resting', ''],
      [last, 'leased', 'web'],
    ] as const) {
      const { states } = v.parse(past, (await berth('whois', '10.1.0.9', '--at', String(at), '--json')).out).past;
      assert.deepEqual(states, [{ state, endpoint }], String(at));
    }
  });

  it('is asked for with a time', async () => {
    await up();
    const { code, err } = await berth('whois', '10.1.0.9', '--at', 'tuesday');
    assert.deepEqual([code, err.includes('"tuesday" is not a time; give one such as')], [2, true], err);
  });
});
