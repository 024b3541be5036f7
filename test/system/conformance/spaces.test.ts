/** An operator changes spaces on the command line, and dockerd's networks follow the settings. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runBerth } from '../../support/berth-process.ts';
import { folders, ipam, requestPool, up, useStage } from '../../support/stage.ts';

useStage();

const space = (...args: string[]) =>
  runBerth(['space', ...args, '--endpoint', `unix:${folders.data}/cloud/capabilities.sock`]);

const show = async (...args: string[]): Promise<Map<string, string>> => {
  const { code, out, err } = await space('show', ...args);
  assert.equal(code, 0, err);
  return fieldsOf(out);
};

const fieldsOf = (out: string): Map<string, string> =>
  new Map(
    out
      .trimEnd()
      .split('\n')
      .map((line): [string, string] => {
        const [, name = '', value = ''] = /^(.*?) {2,}(.*)$/.exec(line) ?? assert.fail(line);
        return [name, value];
      }),
  );

const grantedPool = async (Pool: string): Promise<string> => {
  const { Pool: pool, Error: error } = await requestPool(Pool);
  assert.equal(error, undefined);
  return String(pool);
};

describe('an operator', () => {
  it('reads and changes a space, and dockerd gets networks by the new settings at once', async () => {
    await up();
    const before = await show();
    assert.equal(before.get('range'), '10.192.0.0/10, fdbe:5274:6800::/48 (default)');
    assert.equal(before.get('rev'), 'none');
    const given = ['--range', '10.64.0.0/16,fd01::/48', '--size4', '26', '--exclude', '10.64.0.0/17'];
    const times = ['--cooldown', '10s', '--forget-after', '12h', '--max-pools', '2', '--max-networks-per-host', '2'];
    const most = ['--max-hosts-per-principal', '5', '--widest4', '16'];
    const { code, out, err } = await space('set', 'default', ...given, ...times, ...most);
    assert.deepEqual([code, err], [0, '']);
    const fields = fieldsOf(out);
    assert.deepEqual(await show('default'), fields);
    assert.deepEqual(
      ['range', 'size4', 'size6', 'exclude', 'cooldown', 'forget-after', 'max-pools'].map((name) => fields.get(name)),
      ['10.64.0.0/16, fd01::/48', '26', '64 (default)', '10.64.0.0/17', '10s', '12h', '2'],
    );
    const pool = await grantedPool('');
    assert.match(pool, /^10\.64\.(12[89]|1[3-9]\d|2\d\d)\.\d+\/26$/);
    await grantedPool('10.9.0.0/24');
    assert.match(
      String((await requestPool('8.0.0.0/5'))['Error']),
      /^invalid address pool: 8\.0\.0\.0\/5 is wider than \/16/,
    );
    assert.match(String((await requestPool('10.8.0.0/24'))['Error']), /^space default may hold 2 IPv4 pools, and all/);
    assert.equal((await show()).get('pools held'), '2 IPv4, 0 IPv6');
    assert.equal((await space('set', 'default', '--max-pools', 'none')).code, 0);
    assert.match(
      String((await requestPool('10.8.0.0/24'))['Error']),
      /^host a may have 2 IPv4 networks in space default/,
    );
    const back = fieldsOf((await space('set', 'default', '--unset', 'max-networks-per-host,size4')).out);
    assert.deepEqual([back.get('max-networks-per-host'), back.get('size4')], ['none (default)', '24 (default)']);
    await grantedPool('10.8.0.0/24');
  });

  it('is warned of what a change does to held pools, and can force it', async () => {
    await up();
    const granted = await requestPool('10.9.0.0/24');
    const refused = await space('set', 'default', '--exclude', '10.0.0.0/8');
    assert.deepEqual([refused.code, refused.out], [3, '']);
    assert.match(
      refused.err,
      /^berth: the excluded 10\.0\.0\.0\/8 is partly in use, .*10\.9\.0\.0\/24 \(created by host a\).*--force\n$/,
    );
    const forced = await space('set', 'default', '--exclude', '10.0.0.0/8', '--force');
    assert.equal(forced.code, 0);
    assert.match(forced.err, /^berth: warning: the excluded 10\.0\.0\.0\/8 is partly in use/);
    assert.match(forced.err, /\nberth: warning: the exclusions leave no room/);
    assert.match(String((await requestPool(''))['Error']), /^all predefined address pools have been fully subnetted/);
    assert.deepEqual(await ipam('ReleasePool', { PoolID: granted['PoolID'] }), {});
  });

  it('learns that a space is one that nobody knows, and reads JSON', async () => {
    await up();
    const typo = await space('show', 'typo', '--json');
    assert.equal(typo.code, 0);
    assert.partialDeepStrictEqual(JSON.parse(typo.out), { version: 1, space: { name: 'typo', rev: null } });
    const note = 'no operator has set space typo and no pool is held in it: it would use the defaults';
    assert.equal(typo.err, `berth: note: ${note}\n`);
    const { code, out, err } = await space('set', 'default', '--range', 'lan', '--json');
    assert.deepEqual([code, err], [3, '']);
    assert.match(out, /^\{"version":1,"error":\{"code":"[a-z-]+","message":"bad value \\"lan\\" for range/);
    const set = await space('set', 'typo', '--size4', '26', '--json');
    assert.partialDeepStrictEqual(JSON.parse(set.out), { version: 1, space: { set: ['size4'] }, warnings: [] });
    assert.deepEqual([(await space('show', 'typo')).err, set.err], ['', '']);
  });

  it('loses no change to a concurrent one, and does not undo one that was not read', async () => {
    await up();
    const changes = [
      ['--size4', '26'],
      ['--cooldown', '10s'],
      ['--max-pools', '7'],
      ['--exclude', '10.200.0.0/16'],
    ];
    const made = await Promise.all(changes.map((change) => space('set', 'ci', ...change)));
    assert.deepEqual(
      made.map(({ code }) => code),
      [0, 0, 0, 0],
    );
    const fields = await show('ci');
    assert.deepEqual(
      ['size4', 'cooldown', 'max-pools', 'exclude'].map((name) => fields.get(name)),
      ['26', '10s', '7', '10.200.0.0/16'],
    );
    const rev = fields.get('rev') ?? assert.fail();
    const rivals = await Promise.all(
      ['10.201.0.0/16', '10.202.0.0/16'].map((more) =>
        space('set', 'ci', '--exclude', `10.200.0.0/16,${more}`, '--if-rev', rev),
      ),
    );
    assert.deepEqual(rivals.map(({ code }) => code).sort(), [0, 3]);
    assert.match(
      rivals.map(({ err }) => err).join(''),
      /^berth: space ci has changed and is now at rev \w+; look at it again/,
    );
  });

  for (const [what, args, words, exit] of [
    ['an invalid prefix', ['--range', 'lan'], /^berth: bad value "lan" for range: give prefixes such as/, 3],
    ['an invalid time', ['--cooldown', 'soon'], /argument 'soon' is invalid. give a time such as 30s/, 2],
    ['an invalid number', ['--max-pools', 'many'], /argument 'many' is invalid. give a whole number/, 2],
    ['nothing', [], /^berth: there is nothing to change/, 2],
  ] as const) {
    it(`gets an error that names the cause: ${what}`, async () => {
      await up();
      const { code, out, err } = await space('set', 'default', ...args);
      assert.deepEqual([code, out], [exit, '']);
      assert.match(err, words);
    });
  }
});
