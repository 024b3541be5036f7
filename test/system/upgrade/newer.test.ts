/** Functions that were rolled back find what newer ones have written and issued: they report it, and lose nothing. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import * as v from 'valibot';
import { digestText } from '../../../functions/ipam/world.ts';
import { realWorld } from '../../../functions/lambda/world.ts';
import { callPlugin } from '../../support/berth-process.ts';
import { LocalCloud } from '../../support/local-cloud.ts';
import { eventually } from '../../support/stage.ts';
import { FaultyHost } from '../faults/host.ts';
import { fill } from './fill.ts';
import { fixture, releases } from './fixture.ts';
import { kinds } from './kinds.ts';

/** ms */
const NEVER = 3_600_000;
const HOST = 'new-1';
const CHECK_WIDTH = 6;

const isRelease = (asked: string, body: string, poolId: string): boolean =>
  asked === '/IpamDriver.ReleasePool' && body.includes(poolId);

const health = v.looseObject({ journal: v.looseObject({ depth: v.number(), deadLetters: v.number() }) });

describe('an item of a layout that is not known here', () => {
  const items = releases().flatMap((release) => fixture(release).items);
  for (const [kind, decode] of kinds.filter(([{ source }]) => source !== '^home$')) {
    it(`is refused with the remedy: ${kind.source}`, () => {
      const item = items.find(({ sk }) => kind.test(sk)) ?? assert.fail();
      const words = new RegExp(
        `has written \\(${item.pk} ${item.sk}, format 2; these functions know format 1\\); upgrade the`,
      );
      assert.throws(() => decode({ ...item, format: 2 }), { name: 'Refusal', code: 'newer-format', message: words });
    });
  }
});

describe('a host whose functions were rolled back', () => {
  let cloud: LocalCloud;
  let host: FaultyHost;

  before(async () => {
    cloud = await LocalCloud.start({ sweepEvery: NEVER });
    host = await FaultyHost.start(cloud, HOST);
  });

  after(async () => {
    await host.stop();
    await cloud.stop();
  });

  const ask = async (method: string, body: object = {}) =>
    (await callPlugin(path.join(cloud.folder, HOST, 's/berth.sock'), method, body)).json;

  it('gets an error that a subnet is of a newer version, and what to do', async () => {
    const [item] = releases().flatMap((release) =>
      fixture(release).items.filter(({ sk }) => sk.startsWith('pool#40a01')),
    );
    await fill(cloud, [{ ...item, format: 2 }]);
    const wish = { AddressSpace: 'default', Pool: '10.1.0.0/24', SubPool: '', Options: null, V6: false };
    const { Error: error } = await ask('IpamDriver.RequestPool', wish);
    assert.match(
      String(error),
      /^the table holds an item that a newer version of Berth has written .*; upgrade the functions$/,
    );
  });

  // Behind the subnet that cannot be read: the search for overlaps reads the preceding pool.
  it('gets an error that a PoolID is of a newer version, and keeps its releases until the functions can read them', async () => {
    const { poolId } = await host.dockerd().requestPool('10.0.9.0/24');
    const body = poolId.slice(0, poolId.lastIndexOf(',')).replace(/^berth2,/, 'berth9,');
    const newer = `${body},${digestText(realWorld, body, CHECK_WIDTH)}`;
    const { Error: error } = await ask('IpamDriver.RequestAddress', { PoolID: newer, Address: '', Options: null });
    assert.match(
      String(error),
      /^the pool id "berth9,.*" was issued by a newer version of Berth \(it begins with berth9; these functions know berth2\); upgrade the functions/,
    );
    assert.deepEqual(await ask('IpamDriver.ReleasePool', { PoolID: newer }), {});
    const released = () => host.proxy.passages.filter(({ path: asked, body: sent }) => isRelease(asked, sent, newer));
    await eventually(() => Promise.resolve(released().filter(({ answer }) => answer !== undefined).length > 1));
    const { journal } = v.parse(health, await ask('Berth.Health'));
    assert.deepEqual([journal.depth, journal.deadLetters], [1, 0]);
  });
});
