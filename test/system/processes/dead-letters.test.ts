/** An operator looks at the calls that a host gave up, and settles them. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { runBerth } from '../../support/berth-process.ts';
import { folders, up, useStage } from '../../support/stage.ts';

useStage();

const [RELEASE, REQUEST] = ['0mjuohs01abcd', '0mjuohs02abcd'];

/** As an earlier run has left them. */
function plant(): void {
  const call = (key: string, method: string) => ({
    ...{ key, driver: 'berth', method },
    body: JSON.stringify({ PoolID: 'p', Address: '10.0.0.2' }),
  });
  const letter = (kind: string, key: string, method: string): string =>
    JSON.stringify({ at: '2026-12-01T09:00:00.000Z', reason: 'it was refused', kind, call: call(key, method) });
  mkdirSync(folders.data, { recursive: true, mode: 0o700 });
  const lines = [letter('release', RELEASE, 'ReleaseAddress'), letter('settle', REQUEST, 'RequestAddress')];
  writeFileSync(path.join(folders.data, 'dead-letters'), `${lines.join('\n')}\n`, { mode: 0o600 });
}

const letters = (...args: string[]) => runBerth(['dead-letters', ...args, '--sockets', folders.sockets]);

describe('berth dead-letters', () => {
  it('lists, retries and drops them', async () => {
    plant();
    const berth = await up();
    const { code, out } = await letters('list');
    assert.equal(code, 0);
    assert.match(
      out,
      new RegExp(`^ID +GIVEN UP +CALL +WHAT +WHY\n${RELEASE} +2026.* ReleaseAddress +10\\.0\\.0\\.2 +it was`),
    );
    const retried = await letters('retry', RELEASE, REQUEST);
    assert.equal(retried.code, 0, retried.err);
    assert.match(
      retried.out,
      new RegExp(`^${RELEASE} {2}(refused: .*|done)\n${REQUEST} {2}not a release: berth doctor`),
    );
    const asked = await letters('drop', '--all');
    assert.deepEqual([asked.code, asked.out], [2, '']);
    assert.match(asked.err, /cannot ask for confirmation without a terminal; add --yes\n/);
    const dropped = await letters('drop', REQUEST, '--yes', '--why', 'freed by hand', '--json');
    assert.deepEqual([dropped.code, JSON.parse(dropped.out)], [0, { version: 1, dropped: 1 }]);
    assert.ok(!readFileSync(path.join(folders.data, 'dead-letters'), 'utf8').includes(REQUEST));
    assert.equal((await letters('drop', '--all', '--yes')).code, 0);
    assert.equal((await letters('list')).out, 'no call was given up\n');
    assert.deepEqual(JSON.parse((await letters('list', '--json')).out), { version: 1, letters: [] });
    await berth.stop();
  });

  it('says what is wrong', async () => {
    for (const [args, exit, words] of [
      [['list'], 4, /^berth: no shim answers at .*berth\.sock/],
      [
        ['retry'],
        2,
        /^berth: name the ids that berth dead-letters list shows, or --all\ntry: berth dead-letters retry/,
      ],
      [['drop', 'x', '--all'], 2, /^berth: name the ids/],
    ] as const) {
      const { code, out, err } = await letters(...args);
      assert.deepEqual([code, out], [exit, ''], err);
      assert.match(err, words);
    }
  });
});
