/** Hosts and functions of different versions understand each other's messages. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import * as v from 'valibot';
import { openKeyring } from '../../../infra/local/keyring.ts';
import { FleetRecords } from '../../../shim/reconcile/fleet-records.ts';
import { type Berth, callPlugin, runBerth, startBerth } from '../../support/berth-process.ts';
import { LocalCloud } from '../../support/local-cloud.ts';
import { eventually } from '../../support/stage.ts';
import { FUNCTIONS, type Path, send, sign } from '../auth/support/requests.ts';
import { fill } from './fill.ts';
import { type Exchange, HOST, fixture, releases } from './fixture.ts';
import {
  ADDED,
  ADDED_HEADER,
  type Answering,
  answering,
  granted,
  isOfDocker,
  judged,
  object,
} from './old-functions.ts';

/** ms */
const NEVER = 3_600_000;

const health = v.looseObject({ journal: v.looseObject({ depth: v.number(), deadLetters: v.number() }) });
const isPath = (asked: string): asked is Path => Object.hasOwn(FUNCTIONS, asked);
const knownPath = v.pipe(v.string(), v.guard(isPath));

const title = ({ path: asked, answerHeaders }: Exchange): string =>
  `${asked}${answerHeaders['berth-refusal'] === undefined ? '' : `, refused (${answerHeaders['berth-refusal']})`}`;

for (const release of releases()) {
  const { exchanges, items } = fixture(release);

  describe(`current functions, called like hosts of ${release}`, () => {
    let cloud: LocalCloud;

    before(async () => {
      cloud = await LocalCloud.start({ sweepEvery: NEVER });
      await fill(cloud, items);
    });

    after(() => cloud.stop());

    async function answered(exchange: Exchange, body: object, headers: Record<string, string>): Promise<void> {
      const keyring = openKeyring(path.join(cloud.folder, 'cloud'));
      const asked = v.parse(knownPath, exchange.path);
      const { rev } = (await cloud.store.readSpace('default')) ?? {};
      const message = asked === '/Berth.SetSpace' ? { ...body, IfRev: rev } : body;
      const {
        status,
        headers: told,
        body: text,
      } = await send(
        cloud.folder,
        sign({ path: asked, message, headers: { ...exchange.headers, ...headers } }, { key: keyring.local }),
      );
      assert.deepEqual(
        [status, told['berth-refusal']],
        [exchange.status, exchange.answerHeaders['berth-refusal']],
        text,
      );
      const missing = Object.keys(v.parse(object, exchange.answer)).filter((name) => !(name in v.parse(object, text)));
      assert.deepEqual(missing, []);
    }

    for (const exchange of exchanges.filter(({ path: asked }) => v.is(knownPath, asked))) {
      const body = exchange.body === '' ? {} : v.parse(object, exchange.body);
      it(`answer ${title(exchange)} as they did then`, () => answered(exchange, body, {}));
      it(`answer ${title(exchange)} although it has fields that they do not know`, () =>
        answered(exchange, { ...body, ...ADDED }, ADDED_HEADER));
    }
  });

  for (const [what, more] of [
    ['unchanged', undefined],
    ['with unknown fields', ADDED],
  ] as const) {
    describe(`a current host, with answers like those of functions of ${release}, ${what}`, () => {
      let old: Answering;
      let berth: Berth;

      before(async () => {
        old = await answering(exchanges, more);
        const place = ['--data', path.join(old.folder, 'data'), '--sockets', path.join(old.folder, 's')];
        berth = await startBerth(['shim', '--host-id', HOST, ...place, '--endpoint', old.endpoint]);
      });

      after(async () => {
        await berth.stop();
        await old.stop();
      });

      const ask = async (method: string, body: object = {}) =>
        (await callPlugin(path.join(old.folder, 's/berth.sock'), method, body)).json;

      it('is registered, and logs no error', async () => {
        await eventually(async () => (await ask('Berth.Health'))['status'] === 'ok');
        assert.doesNotMatch(berth.log(), /not from Berth|not registered/);
      });

      for (const { path: asked, body } of exchanges.filter(isOfDocker)) {
        it(`gets what it asks for by ${asked}`, async () => {
          const told = await ask(asked.slice(1), v.parse(object, body));
          const { Future: _future, Later: _later, ...known } = told;
          assert.deepEqual(known, asked.includes('Release') ? {} : v.parse(object, granted(exchanges, asked).answer));
        });
      }

      it('has an empty journal in the end', async () => {
        await eventually(async () => v.parse(health, await ask('Berth.Health')).journal.depth === 0);
        assert.equal(v.parse(health, await ask('Berth.Health')).journal.deadLetters, 0);
      });

      it('reads its holdings when it compares Docker with the table', async () => {
        const table = new FleetRecords((asked) => Promise.resolve(judged(exchanges, asked, more)));
        const networks = await table.networks([], () => []);
        assert.ok(networks.length > 0);
        assert.ok(networks.every(({ leases }) => leases.length > 0));
        assert.deepEqual(await table.revive('', { gateway: '', reserved: [] }, []), []);
      });

      for (const args of [
        ['host', 'drain', 'some-host'],
        ['space', 'show'],
        ['space', 'set', 'default', '--size4', '26'],
      ]) {
        it(`runs for an operator: berth ${args.join(' ')}`, async () => {
          const { code, err } = await runBerth([...args, '--endpoint', old.endpoint]);
          assert.deepEqual([code, err], [0, '']);
        });
      }
    });
  }
}
