/** This version uses what released versions left behind: tables, data folders of hosts, and PoolIDs in Docker's store. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, after, before, describe, it } from 'node:test';
import { crc32 } from 'node:zlib';
import * as v from 'valibot';
import { decodeHost } from '../../../functions/dynamo/host-items.ts';
import { decodeFound } from '../../../functions/dynamo/items.ts';
import { parseEndpoint } from '../../../shim/endpoint.ts';
import { Handshakes } from '../../../shim/host/handshake.ts';
import { KnownNetworks } from '../../../shim/host/known-networks.ts';
import { Journal } from '../../../shim/journal/journal.ts';
import { seedOf } from '../../../shim/journal/records.ts';
import { callPlugin } from '../../support/berth-process.ts';
import { LocalCloud } from '../../support/local-cloud.ts';
import { eventually } from '../../support/stage.ts';
import { FaultyHost } from '../faults/host.ts';
import { fill } from './fill.ts';
import { type Fixture, HOST, fixture, releases } from './fixture.ts';
import { kinds } from './kinds.ts';

/** ms: old items must not be swept before they were checked. */
const NEVER = 3_600_000;

for (const release of releases()) {
  describe(`the table of ${release}`, () => {
    const { items } = fixture(release);
    for (const [kind, decode] of kinds) {
      it(`has items of the kind ${kind.source}, each of which can be read`, () => {
        const found = items.filter(({ sk }) => kind.test(sk));
        assert.ok(found.length > 0);
        for (const item of found) {
          decode(item);
          decodeFound(item);
        }
      });
    }

    it('has no item of another kind', () => {
      assert.deepEqual(
        items.filter(({ sk }) => !kinds.some(([kind]) => kind.test(sk))),
        [],
      );
    });
  });

  describe(`a data folder of ${release}`, () => {
    const old = fixture(release);
    const file = (name: string): string => readFileSync(path.join(old.hostFolder, name), 'utf8');

    function copy(t: TestContext): string {
      const folder = mkdtempSync(path.join(os.tmpdir(), 'berth-'));
      t.after(() => {
        rmSync(folder, { recursive: true });
      });
      cpSync(old.hostFolder, folder, { recursive: true });
      return folder;
    }

    it('contains a journal whose calls are continued', async (t) => {
      const header = v.parse(journalHeader, file('journal'));
      const identity = { hostId: header.host, incarnation: file('lineage').trim() };
      const warnings: string[] = [];
      const warn = (message: string) => void warnings.push(message);
      const journal = Journal.open(copy(t), identity, { warn, boot: header.boot });
      const open = journal.entries().map(({ kind, call: { method } }) => `${kind} ${method}`);
      await journal.close();
      assert.deepEqual(open.sort(), ['release ReleaseAddress', 'settle RequestAddress']);
      assert.deepEqual(warnings, []);
      assert.equal(journal.stats.deadLetters, 1);
    });

    it('can be used although a newer version has added to it', async (t) => {
      const folder = copy(t);
      const { hostId, incarnation } = { hostId: HOST, incarnation: file('lineage').trim() };
      const [first = '', ...lines] = file('journal').trimEnd().split('\n');
      const seed = seedOf({ hostId, incarnation });
      const grown = [withMore(first, 0), ...lines.map((line) => withMore(line, seed))];
      writeFileSync(path.join(folder, 'journal'), grown.map((line) => `${line}\n`).join(''));
      const warn = (message: string): never => assert.fail(message);
      const { boot } = v.parse(journalHeader, file('journal'));
      const journal = Journal.open(folder, { hostId, incarnation }, { warn, boot });
      assert.equal(journal.entries().length, 2);
      await journal.close();
    });

    it('lists the networks that Docker has', (t) => {
      const known = new KnownNetworks(copy(t), (message) => assert.fail(message));
      const held = old.networks.map(({ poolId }) => poolId);
      assert.deepEqual([...known.poolIds].sort(), held.sort());
    });

    for (const driver of ['berth', 'berth-ipvlan'] as const) {
      it(`gives ${driver} the URLs of the functions while none answers`, async (t) => {
        const [endpoint = ''] = v.parse(keptHandshake, file(`handshake-${driver}.json`)).key.split(' ');
        const settings = { endpoint: parseEndpoint(endpoint), driver, space: 'default', folder: copy(t) };
        const silence = { ask: () => Promise.reject(new Error('nothing should be asked')) };
        const kept = await Handshakes.open(silence, { ...settings, warn: () => undefined });
        kept.close();
        assert.notEqual(kept.current.functions, undefined);
      });
    }
  });

  describe(`a host of ${release}, upgraded`, () => {
    const old = fixture(release);
    let cloud: LocalCloud;
    let host: FaultyHost;

    before(async () => {
      cloud = await LocalCloud.start({ sweepEvery: NEVER });
      await fill(cloud, old.items);
      cpSync(old.hostFolder, path.join(cloud.folder, HOST, 'data'), { recursive: true });
      host = await FaultyHost.start(cloud, HOST);
    });

    after(async () => {
      await host.stop();
      await cloud.stop();
    });

    const ask = async (method: string, driver: string, body: object) => {
      const socket = path.join(cloud.folder, HOST, 's', `${driver}.sock`);
      return (await callPlugin(socket, `IpamDriver.${method}`, body)).json;
    };

    const holdersOf = async (address: string) => {
      const { addresses } = await cloud.contents();
      return addresses.filter((each) => each.address === address).map(({ slot }) => slot.kind);
    };

    it('is the same host, of the same epoch', async () => {
      const before = hostOf(old);
      await eventually(async () => ((await cloud.store.readHost(HOST))?.lastSeen ?? 0) !== before.lastSeen);
      const now = await cloud.store.readHost(HOST);
      assert.deepEqual([now?.epoch, now?.isFresh, now?.since], [before.epoch, false, before.since]);
      assert.doesNotMatch(host.log, /damaged|torn|incarnation/i);
    });

    it('delivers the release in its journal', async () => {
      const { waiting = '' } = old.networks.find(({ waiting }) => waiting !== undefined) ?? {};
      await eventually(async () => (await holdersOf(waiting)).join() === 'free');
      await host.drain();
    });

    it('continues with call numbers that were never used', () => {
      const used = [...file(old, 'journal').matchAll(/"key":"([0-9a-z]{9})/g)].map(([, sequence = '']) => sequence);
      const given = host.proxy.passages.filter(({ path: asked }) => asked === '/Berth.Register');
      assert.ok(given.length > 0);
      for (const { requestKey } of given) assert.ok(used.every((sequence) => requestKey.slice(0, 9) > sequence));
    });

    for (const { driver, poolId, pool, addresses } of old.networks) {
      it(`keeps its network on ${pool}, and what it held there`, async () => {
        const { Address } = await ask('RequestAddress', driver, { PoolID: poolId, Address: '', Options: null });
        assert.match(String(Address), new RegExp(`/${pool.split('/')[1] ?? ''}$`));
        for (const address of addresses) {
          const again = await ask('RequestAddress', driver, { PoolID: poolId, Address: address, Options: null });
          assert.match(String(again['Error']), /^Address already in use: .* of host old-1 since/);
          assert.deepEqual(await ask('ReleaseAddress', driver, { PoolID: poolId, Address: address }), {});
          assert.deepEqual(await holdersOf(address), ['free']);
        }
      });
    }

    it('can release every network, and only what other hosts have is left', async () => {
      for (const { driver, poolId } of old.networks) {
        assert.deepEqual(await ask('ReleasePool', driver, { PoolID: poolId }), {});
      }
      const { refs, pools } = await cloud.contents();
      assert.deepEqual(
        refs.filter(({ hostId, state }) => hostId === HOST && state !== 'gone'),
        [],
      );
      const others = new Set(refs.filter(({ state }) => state !== 'gone').map(({ generation }) => generation));
      assert.deepEqual(
        pools.filter(({ generation }) => !others.has(generation)),
        [],
      );
    });
  });
}

const journalHeader = v.pipe(
  v.string(),
  v.transform((text) => text.slice(text.indexOf('{'), text.indexOf('\n'))),
  v.parseJson(),
  v.object({ host: v.string(), boot: v.string() }),
);
const keptHandshake = v.pipe(v.string(), v.parseJson(), v.object({ key: v.string() }));

const file = ({ hostFolder }: Fixture, name: string): string => readFileSync(path.join(hostFolder, name), 'utf8');

const hostOf = ({ items }: Fixture) => decodeHost(items.find(({ sk }) => sk === `host#${HOST}`));

/** A line of the journal with an unknown field. */
function withMore(line: string, seed: number): string {
  const json = line.slice(line.indexOf(' ') + 1).replace(/\}$/, ',"later":{"some":"thing"}}');
  return `${crc32(json, seed).toString(16).padStart(8, '0')} ${json}`;
}
