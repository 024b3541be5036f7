/** The viewers' function: what is free. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type * as v from 'valibot';
import { sideBySide } from '../../../functions/ipam/all-settled.ts';
import { parseCidr } from '../../../protocol/address.ts';
import { viewFreeAnswer, viewFreeSubnetsAnswer } from '../../../protocol/viewer-messages.ts';
import { withMac } from '../../support/fleet.ts';
import { type Viewer, done, openViewer } from './ask-viewer.ts';

const MAC = '02:42:0a:00:00:05';

let viewer: Viewer;

before(async () => {
  viewer = await openViewer();
});
after(() => viewer.close());

const cidr = (text: string) => parseCidr(text) ?? assert.fail(text);

describe('the viewer', () => {
  it('shows the free addresses of a pool as ranges, page by page', async () => {
    const host = viewer.host('free-1');
    await host.register();
    const net = await host.pool({ space: 'free', pool: '10.11.0.0/24' });
    await host.address(net, '10.11.0.9', withMac(MAC));
    await host.release(net, await host.address(net, '10.11.0.20', withMac('02:42:0a:00:00:06')));
    const free = async (Pool: string) => {
      const ranges: [string, string, string][] = [];
      let After: string | null = null;
      let size = '';
      do {
        const page: Extract<v.InferOutput<typeof viewFreeAnswer>, { Outcome: 'done' }> = done(
          await viewer.ask('/Berth.ViewFree', { Space: 'free', Pool, After }, viewFreeAnswer),
        );
        ranges.push(...page.Ranges.map(({ First, Last, Count }): [string, string, string] => [First, Last, Count]));
        [After, size] = [page.Next, page.Size];
      } while (After !== null);
      return { ranges, size };
    };
    const ranges = [
      ['10.11.0.2', '10.11.0.8', '7'],
      ['10.11.0.10', '10.11.0.19', '10'],
      ['10.11.0.21', '10.11.0.254', '234'],
    ];
    assert.deepEqual(await free('10.11.0.0/24'), { ranges, size: '254' });
    await host.pool({ space: 'free', pool: '10.12.0.0/16' });
    const { ranges: parts, size } = await free('10.12.0.0/16');
    assert.deepEqual(
      [parts[0], parts.at(-1)?.[1], size],
      [['10.12.0.2', '10.12.63.255', '16382'], '10.12.255.254', '65534'],
    );
    assert.equal(
      parts.reduce((sum, [, , count]) => sum + Number(count), 0),
      65_533,
    );
    await host.pool({ space: 'free', pool: '10.13.0.0/30' });
    assert.deepEqual(await free('10.13.0.0/30'), { ranges: [['10.13.0.2', '10.13.0.2', '1']], size: '2' });
    await host.pool({ space: 'free', pool: 'fd00:11::/64', v6: true });
    const large = await viewer.ask('/Berth.ViewFree', { Space: 'free', Pool: 'fd00:11::/64' }, viewFreeAnswer);
    assert.deepEqual(large, { Outcome: 'large', Size: '18446744073709551615' });
    const none = await viewer.ask('/Berth.ViewFree', { Space: 'free', Pool: '10.14.0.0/24' }, viewFreeAnswer);
    assert.deepEqual(none, { Outcome: 'unknown' });
  });

  it('shows the free subnets of a space as runs of neighbours', async () => {
    const space = 'subnets';
    await viewer.store.writeSpace(
      space,
      { ranges: ['10.20.0.0/16', '10.21.0.0/20', 'fd00:20::/56'].map(cidr), excluded: [cidr('10.20.254.0/23')] },
      undefined,
    );
    const host = viewer.host('subnets-1');
    await host.register();
    for (const pool of ['10.20.1.0/24', '10.20.2.64/26', '10.20.8.0/22', '10.21.15.0/24'])
      await host.pool({ space, pool });
    const free = async (message: object) => {
      const { Size, Ranges, Next } = await viewer.ask(
        '/Berth.ViewFreeSubnets',
        { Space: space, Family: 4, ...message },
        viewFreeSubnetsAnswer,
      );
      return { Size, Next, runs: Ranges.map(({ First, Last, Count }) => `${First} ${Last} ${Count}`) };
    };
    assert.deepEqual(await free({}), {
      Size: 24,
      Next: null,
      runs: [
        '10.20.0.0/24 10.20.0.0/24 1',
        '10.20.3.0/24 10.20.7.0/24 5',
        '10.20.12.0/24 10.20.253.0/24 242',
        '10.21.0.0/24 10.21.14.0/24 15',
      ],
    });
    assert.deepEqual((await free({ Size: 18 })).runs, ['10.20.64.0/18 10.20.128.0/18 2']);
    assert.deepEqual((await free({ Size: 12 })).runs, []);
    assert.deepEqual((await free({ Family: 6 })).runs, ['fd00:20::/64 fd00:20:0:ff::/64 256']);
    // A pool that begins before the range, and one that is only announced.
    const wide = { ranges: [cidr('10.22.128.0/20')] };
    await viewer.store.writeSpace('wide', wide, undefined);
    await host.pool({ space: 'wide', pool: '10.22.0.0/16' });
    assert.deepEqual((await free({ Space: 'wide' })).runs, []);
  });

  it('goes on in the list of free subnets where the page before has ended', async () => {
    const space = 'crowd';
    await viewer.store.writeSpace(space, { ranges: [cidr('10.32.0.0/13')] }, undefined);
    const settings = { gateway: undefined, cooldown: 0, exclusive: false, announcedAt: Date.now(), createdBy: 'a' };
    const numbers = [0, 1, 5, 2_047, ...Array.from({ length: 800 }, (_, i) => 100 + 2 * i)];
    await sideBySide(numbers, async (number) => {
      const draft = { space, cidr: cidr(`10.${32 + (number >> 8)}.${number & 255}.0/24`), ...settings };
      const announced = await viewer.store.announcePool(draft);
      if (!('announced' in announced)) assert.fail();
      assert.ok(await viewer.store.changePool(announced.announced, 'confirmed'));
    });
    let [After, free, pages]: [string | null, bigint, number] = ['3', 0n, 0];
    do {
      const page: v.InferOutput<typeof viewFreeSubnetsAnswer> = await viewer.ask(
        '/Berth.ViewFreeSubnets',
        { Space: space, Family: 4, After },
        viewFreeSubnetsAnswer,
      );
      free += page.Ranges.reduce((sum, { Count }) => sum + BigInt(Count), 0n);
      After = page.Next;
      pages++;
    } while (After !== null);
    assert.deepEqual([free, pages], [2_048n - 3n - 802n, 2]);
  });
});
