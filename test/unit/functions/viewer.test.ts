/** The viewers' function as it is deployed, over an embedded engine: what it shows, to whom, and what it never shows. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as v from 'valibot';
import { reportDeath } from '../../../functions/ipam/hosts/host-events.ts';
import { realWorld } from '../../../functions/lambda/world.ts';
import { hostAnswer, spaceAnswer } from '../../../protocol/operator-messages.ts';
import {
  viewAddressAnswer,
  viewAddressesAnswer,
  viewFindAnswer,
  viewHostsAnswer,
  viewPoolAnswer,
  viewPoolsAnswer,
  viewSpacesAnswer,
  viewUsageAnswer,
} from '../../../protocol/viewer-messages.ts';
import { GATEWAY, type Host, OPS, withMac } from '../../support/fleet.ts';
import { type Viewer, done, openViewer } from './ask-viewer.ts';
import { answerOf, refusalOf } from './lambda/event.ts';

const INSTANCE = 'arn:aws:sts::123456789012:assumed-role/berth-host/i-0123456789abcdef0';
const ISO = /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const MAC = '02:42:0a:00:00:05';

let viewer: Viewer;

before(async () => {
  viewer = await openViewer();
});
after(() => viewer.close());

const hostOf = (id: string): Host => viewer.host(id);
const ask = <Schema extends v.GenericSchema>(path: string, message: object, schema: Schema) =>
  viewer.ask(path, message, schema);

type Page = Extract<v.InferOutput<typeof viewAddressesAnswer>, { Outcome: 'done' }>;

describe('the viewer', () => {
  it('shows the spaces that are noted, and what one held over time', async () => {
    const use = { pools4: 2, pools6: 1, size4: 508, held4: 7, held6: 3 };
    await viewer.notes.add('configured');
    await viewer.notes.write('counted', use, Date.now() - 3_600_000, 1);
    await viewer.notes.write('counted', { ...use, held4: 8 }, Date.now(), 2);
    const { Spaces, Next } = await ask('/Berth.ViewSpaces', {}, viewSpacesAnswer);
    assert.match(Spaces[1]?.At ?? '', ISO);
    const held = { Pools4: 2, Pools6: 1, Size4: 508, Held4: 8, Held6: 3 };
    const nothing = { Pools4: 0, Pools6: 0, Size4: 0, Held4: 0, Held6: 0 };
    assert.deepEqual(
      [Spaces.map(({ At, ...line }) => ({ ...line, isCounted: At !== null })), Next],
      [
        [
          { Space: 'configured', ...nothing, isCounted: false },
          { Space: 'counted', ...held, isCounted: true },
        ],
        null,
      ],
    );
    const second = await ask('/Berth.ViewSpaces', { After: 'configured' }, viewSpacesAnswer);
    assert.deepEqual(
      second.Spaces.map(({ Space }) => Space),
      ['counted'],
    );
    const { Usage } = await ask('/Berth.ViewUsage', { Space: 'counted' }, viewUsageAnswer);
    for (const { At } of Usage) assert.match(At, ISO);
    assert.deepEqual(
      Usage.map(({ Held4 }) => Held4),
      [7, 8],
    );
    assert.deepEqual(await ask('/Berth.ViewUsage', { Space: 'nowhere' }, viewUsageAnswer), { Usage: [] });
  });

  it('shows the pools of a space with how full they are, page by page', async () => {
    const host = hostOf('web-1');
    await host.register();
    for (let i = 0; i < 40; i++) await host.pool({ space: 'many', pool: `10.1.${i}.0/24` });
    const six = await host.pool({ space: 'many', pool: 'fd00:1::/64', v6: true });
    const net = await host.pool({ space: 'many', pool: '10.1.3.0/24' });
    const address = await host.address(net, '', withMac(MAC));
    await host.address(net, '', withMac('02:42:0a:00:00:06'));
    await host.release(net, address);
    await host.address(six, '', withMac(MAC));
    const first = await ask('/Berth.ViewPools', { Space: 'many' }, viewPoolsAnswer);
    const pools = first.Pools;
    assert.deepEqual([pools.length, first.Next], [32, '10.1.31.0/24']);
    const { CreatedAt, ...rest } = pools[3] ?? assert.fail();
    assert.match(CreatedAt, ISO);
    assert.deepEqual(rest, {
      Space: 'many',
      Pool: '10.1.3.0/24',
      State: 'confirmed',
      CreatedBy: 'web-1',
      Gateway: '10.1.3.1',
      Exclusive: false,
      Cooldown: 30_000,
      Size: '254',
      Leased: 1,
      Reserved: 1,
      Resting: 1,
      IsAll: true,
    });
    const second = await ask('/Berth.ViewPools', { Space: 'many', After: first.Next }, viewPoolsAnswer);
    const left = second.Pools;
    assert.deepEqual([left.length, second.Next], [9, null]);
    const { Pool, Leased, IsAll, Size } = left.at(-1) ?? assert.fail();
    assert.deepEqual([Pool, Leased, IsAll, Size], ['fd00:1::/64', 1, false, '18446744073709551615']);
  });

  it('shows whose networks use a pool, and since when', async () => {
    const [one, other] = [hostOf('web-1'), hostOf('web-2')];
    await one.register();
    await other.register();
    const wish = { space: 'shared', pool: '10.2.0.0/16', options: { 'berth.reserve': '10.2.0.7-10.2.0.9' } };
    await one.pool(wish);
    await other.pool({ space: 'shared', pool: '10.2.0.0/16', subPool: '10.2.4.0/24' });
    const shown = done(await ask('/Berth.ViewPool', { Space: 'shared', Pool: '10.2.0.0/16' }, viewPoolAnswer));
    assert.equal(shown.Next, null);
    const holders = shown.Holders.sort((a, b) => (a.Host < b.Host ? -1 : 1));
    for (const { Since } of holders) assert.match(Since, ISO);
    assert.deepEqual(
      holders.map(({ Since: _, ...holder }) => holder),
      [
        { Host: 'web-1', State: 'live', SubPool: null, Reserves: ['10.2.0.1', '10.2.0.7-10.2.0.9'] },
        { Host: 'web-2', State: 'live', SubPool: '10.2.4.0/24', Reserves: ['10.2.0.1'] },
      ],
    );
    assert.deepEqual(await ask('/Berth.ViewPool', { Space: 'shared', Pool: '10.3.0.0/16' }, viewPoolAnswer), {
      Outcome: 'unknown',
    });
  });

  it('shows who has which address, and who has one', async () => {
    const host = hostOf('db-1');
    await host.register();
    const net = await host.pool({ space: 'who', pool: '10.4.0.0/24' });
    await host.address(net, '', GATEWAY);
    await host.address(net, '10.4.0.9', { ...withMac(MAC), 'com.docker.network.endpoint.name': 'db' });
    await host.release(net, await host.address(net, '10.4.0.20', withMac('02:42:0a:00:00:06')));
    const listed = { Space: 'who', Pool: '10.4.0.0/24' };
    const { Addresses: used, IsAll, Next } = done(await ask('/Berth.ViewAddresses', listed, viewAddressesAnswer));
    for (const { Since } of used) assert.match(Since ?? '', ISO);
    const leased = { Address: '10.4.0.9', State: 'leased', Host: 'db-1', Mac: MAC, Endpoint: 'db' };
    assert.deepEqual(
      used.map(({ Since: _, ...use }) => use),
      [
        { Address: '10.4.0.1', State: 'reserved', Host: 'db-1', Mac: '', Endpoint: '' },
        leased,
        { Address: '10.4.0.20', State: 'resting', Host: '', Mac: '', Endpoint: '' },
      ],
    );
    assert.deepEqual([IsAll, Next], [true, null]);
    const { Since, ...one } = done(
      await ask('/Berth.ViewAddress', { Space: 'who', Address: '10.4.0.9' }, viewAddressAnswer),
    );
    assert.match(String(Since), ISO);
    assert.deepEqual(one, { Outcome: 'done', ...leased, Pool: '10.4.0.0/24', PoolState: 'confirmed' });
    const free = done(await ask('/Berth.ViewAddress', { Space: 'who', Address: '10.4.0.99' }, viewAddressAnswer));
    assert.deepEqual([free.State, free.Since, free.Host], ['free', null, '']);
    assert.deepEqual(await ask('/Berth.ViewAddress', { Space: 'who', Address: '10.5.0.1' }, viewAddressAnswer), {
      Outcome: 'unknown',
    });
  });

  it('shows the addresses of a pool of 65,536 page by page, and those of a large pool by network', async () => {
    const host = hostOf('big-1');
    await host.register();
    const net = await host.pool({ space: 'big', pool: '10.6.0.0/16' });
    for (const address of ['10.6.0.9', '10.6.100.9', '10.6.255.9']) await host.address(net, address, withMac(MAC));
    const six = await host.pool({ space: 'big', pool: 'fd00:6::/64', v6: true });
    const given = [
      await host.address(six, '', withMac(MAC)),
      await host.address(six, '', withMac('02:42:0a:00:00:06')),
    ];
    const listed = async (Pool: string): Promise<string[]> => {
      const found: string[] = [];
      let After: string | null = null;
      do {
        const page: Page = done(await ask('/Berth.ViewAddresses', { Space: 'big', Pool, After }, viewAddressesAnswer));
        found.push(...page.Addresses.map(({ Address }) => Address));
        After = page.Next;
      } while (After !== null);
      return found;
    };
    assert.deepEqual(await listed('10.6.0.0/16'), ['10.6.0.1', '10.6.0.9', '10.6.100.9', '10.6.255.9']);
    assert.deepEqual((await listed('fd00:6::/64')).sort(), given.sort());
  });

  it('finds addresses by MAC address, endpoint and host, over all pools of a space', async () => {
    const [one, other] = [hostOf('find-1'), hostOf('find-2')];
    await one.register();
    await other.register();
    const wanted = { ...withMac('02:42:0a:00:00:aa'), 'com.docker.network.endpoint.name': 'cache' };
    for (let i = 0; i < 80; i++) await one.pool({ space: 'find', pool: `10.9.${i}.0/24` });
    const held = [];
    for (const pool of ['10.9.2.0/24', '10.9.79.0/24', 'fd00:9::/64']) {
      const net = await other.pool({ space: 'find', pool, v6: pool.includes(':') });
      held.push(await other.address(net, '', wanted));
      await one.address(await one.pool({ space: 'find', pool, v6: pool.includes(':') }), '', withMac(MAC));
    }
    const find = async (Text: string): Promise<[string[], number]> => {
      const found: string[] = [];
      let [After, pages]: [string | null, number] = [null, 0];
      do {
        const page: v.InferOutput<typeof viewFindAnswer> = await ask(
          '/Berth.ViewFind',
          { Space: 'find', Text, After },
          viewFindAnswer,
        );
        found.push(...page.Found.filter(({ State }) => State === 'leased').map(({ Address }) => Address));
        After = page.Next;
        pages++;
      } while (After !== null);
      return [found, pages];
    };
    for (const text of ['02:42:0A:00:00:AA', 'cache', 'find-2']) assert.deepEqual(await find(text), [held, 2], text);
    assert.deepEqual(await find('cach'), [[], 2]);
  });

  it('shows the hosts, all or those in one state, and what one holds', async () => {
    const gone = hostOf('gone-1');
    await gone.register();
    await gone.pool({ space: 'hosts', pool: '10.7.0.0/24' });
    await reportDeath({ store: viewer.store, world: realWorld }, 'gone-1', 'it burned');
    const all = await ask('/Berth.ViewHosts', {}, viewHostsAnswer);
    const names = all.Hosts.map(({ Host }) => Host);
    assert.deepEqual([names.includes('gone-1'), names.includes('web-1'), all.Next], [true, true, null]);
    const { Hosts } = await ask('/Berth.ViewHosts', { State: 'dead' }, viewHostsAnswer);
    const [line] = Hosts;
    const { LastSeen, SilentSeconds, ...dead } = line ?? assert.fail();
    assert.match(LastSeen, ISO);
    assert.ok(SilentSeconds >= 0);
    const told = { State: 'dead', Why: 'it burned', InLease: false, ShimVersion: '1', EngineVersion: '' };
    assert.deepEqual(dead, { Host: 'gone-1', ...told });
    const { Outcome, Networks } = done(await ask('/Berth.ViewHost', { Host: 'web-2' }, hostAnswer));
    assert.deepEqual(
      [Outcome, Networks],
      ['done', [{ Space: 'shared', Pool: '10.2.0.0/16', Addresses: 0, IsAll: true }]],
    );
    assert.deepEqual(await ask('/Berth.ViewHost', { Host: 'nobody' }, hostAnswer), { Outcome: 'unknown' });
  });

  it('shows a space', async () => {
    const { Space, Held } = await ask('/Berth.ViewSpace', { Space: 'big' }, spaceAnswer);
    assert.deepEqual([Space, Held], ['big', { Pools4: 1, Pools6: 1, IsAll: true }]);
  });

  for (const [path, message, words] of [
    ['/Berth.ViewSpaces', { After: '#' }, /is not where the list goes on/],
    ['/Berth.ViewPool', { Space: 'big', Pool: 'ten' }, /"ten" is not a subnet/],
    ['/Berth.ViewPools', { Space: 'big', After: '?' }, /"\?" is not a subnet/],
    ['/Berth.ViewAddresses', { Space: 'big', Pool: '10.6.0.0/16', After: 'x' }, /is not where the list goes on/],
    ['/Berth.ViewAddresses', { Space: 'big', Pool: 'fd00:6::/64', After: '?' }, /is not where the list goes on/],
    ['/Berth.ViewAddress', { Space: 'big', Address: '10.6.0.0/16' }, /"10.6.0.0\/16" is not an address/],
    ['/Berth.ViewFind', { Space: 'big', Text: 'a', After: '10.0.0.0' }, /is not where the list goes on/],
    ['/Berth.ViewFree', { Space: 'big', Pool: '10.6.0.0/16', After: '64' }, /is not where the list goes on/],
    ['/Berth.ViewFreeSubnets', { Space: 'big', Family: 4, After: '16384' }, /is not where the list goes on/],
    ['/Berth.ViewFreeSubnets', { Space: 'big', Family: 4, Size: 33 }, /malformed/],
    ['/Berth.ViewFreeSubnets', { Space: 'big', Family: 5 }, /malformed/],
    ['/Berth.ViewHosts', { After: '99' }, /is not where the list goes on/],
    ['/Berth.ViewHosts', { State: 'asleep' }, /malformed/],
    ['/Berth.ViewHosts', [], /malformed: body: it is a list/],
  ] as const) {
    it(`refuses ${path} ${JSON.stringify(message)}`, async () => {
      const result = await viewer.send(path, message);
      assert.equal(refusalOf(result), 'invalid-request');
      assert.match(String(answerOf(result).body['Error']), words);
    });
  }

  it('answers no instance', async () => {
    const result = await viewer.send('/Berth.ViewHosts', {}, INSTANCE);
    assert.equal(refusalOf(result), 'foreign-host');
    assert.match(String(answerOf(result).body['Error']), /is an EC2 instance; only a viewer may use this function/);
  });

  it('has shown nothing that helps to be a host', async () => {
    const hosts = [await viewer.store.readHost('web-1'), await viewer.store.readHost('gone-1')];
    const secrets = hosts.flatMap((host) => (host === undefined ? [] : [host.incarnation, host.rev]));
    const { items } = await viewer.store.refsOfHost('web-1');
    const internal = items.flatMap(({ generation, requestKey }) => [generation, requestKey]);
    assert.ok(internal.length > 0 && viewer.answers.length > 20);
    const shown = viewer.answers.join('\n');
    for (const secret of [...secrets, ...internal, 'berth2']) assert.ok(!shown.includes(secret), `${secret} is shown`);
    assert.ok(shown.includes(OPS), 'except for the principal of a host');
  });
});
