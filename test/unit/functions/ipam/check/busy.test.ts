/**
 * A check of a sound table finds nothing while networks and addresses come and go, hosts die and return, and sweeps run.
 * BERTH_CHECK_ADDRESSES=100000 and BERTH_CHECK_SECONDS=60 run the long case.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { it } from 'node:test';
import { BatchWriteItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { declareDead } from '../../../../../functions/ipam/hosts/host-events.ts';
import type { GrantedPool } from '../../../../../functions/ipam/pools/request-pool.ts';
import { Refusal } from '../../../../../functions/ipam/refusal.ts';
import { encodeSlot } from '../../../../../functions/ipam/slot.ts';
import { sweep } from '../../../../../functions/ipam/sweep/sweep.ts';
import { realWorld } from '../../../../../functions/lambda/world.ts';
import { parseCidr } from '../../../../../protocol/address.ts';
import { checkAll, lineOf } from '../../../../support/check.ts';
import { type EngineStore, engineStore } from '../../../../support/engine-store.ts';
import { Host, named } from '../../../../support/fleet.ts';

const ADDRESSES = Number(process.env['BERTH_CHECK_ADDRESSES'] ?? 4_000);
const SECONDS = Number(process.env['BERTH_CHECK_SECONDS'] ?? 4);
/** Addresses of one standing network: a whole group of chunks, less its first and last chunk. */
const PER_NETWORK = 62 * 16;
const BATCH_ITEMS = 25;
const HOSTS = 6;

/** Real time, and a hand to wait with. */
const world = { ...realWorld, advance: (): void => undefined };

/** Networks that were there long before, each full of leases. */
async function standing({ client, table, store }: EngineStore, host: Host): Promise<void> {
  for (let network = 0; network < Math.ceil(ADDRESSES / PER_NETWORK); network++) {
    const pool = `10.${100 + Math.floor(network / 64)}.${(network % 64) * 4}.0/22`;
    await host.pool({ pool });
    const { generation } = (await store.readPool('default', parseCidr(pool) ?? assert.fail(pool))) ?? assert.fail(pool);
    const [ref] = (await store.refsOf(generation)).items;
    assert.ok(ref);
    const chunks = Array.from({ length: 62 }, (_, i) => ({
      pk: `pool#${generation}#0`,
      sk: `chunk#${(i + 1).toString(16).padStart(2, '0')}`,
      ...Object.fromEntries(
        Array.from({ length: 16 }, (_slot, slot) => {
          const requestKey = (i * 16 + slot + 1).toString(36).padStart(13, '0');
          const lease = { kind: 'leased', ref: ref.name, requestKey, mac: '', name: `c${i}-${slot}` } as const;
          return [`s${slot.toString(16)}`, encodeSlot(lease)];
        }),
      ),
    }));
    for (let from = 0; from < chunks.length; from += BATCH_ITEMS) {
      const puts = chunks.slice(from, from + BATCH_ITEMS).map((item) => ({ PutRequest: { Item: marshall(item) } }));
      await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: puts } }));
    }
  }
}

/** A refusal is an answer: a host that has just died is refused, and a pool may be gone. */
async function unlessRefused<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** One host's life until a time: networks of its own and a shared one, with addresses, all given back. */
async function live(store: EngineStore['store'], number: number, until: number): Promise<number> {
  let calls = 0;
  const host = new Host({ store, world }, `host-${number}`);
  let { epoch } = await host.register();
  while (Date.now() < until) {
    const call = () => host.call({ epoch, attempt: 1 });
    const pool = randomInt(2) === 0 ? '10.1.0.0/24' : `10.2.${number}.0/24`;
    const net: GrantedPool | undefined = await unlessRefused(host.pool({ pool }, call()));
    if (net === undefined) {
      ({ epoch } = await host.register());
      continue;
    }
    const taken: string[] = [];
    for (let i = 0; i < 4; i++) {
      const address = await unlessRefused(host.address(net, '', named(`c${i}`), call()));
      if (address !== undefined) taken.push(address);
    }
    for (const address of taken) await unlessRefused(host.release(net, address, call()));
    // Some networks die with their addresses still leased.
    if (randomInt(4) === 0) await host.address(net, '', named('left'), call()).catch(() => undefined);
    if (randomInt(8) === 0) await declareDead({ store, world }, `host-${number}`, 'a test', true);
    else await unlessRefused(host.leave(net, call()));
    calls += 10;
  }
  return calls;
}

it('finds nothing in a sound table that is in use', async (t) => {
  const engine = await engineStore();
  try {
    const keeper = new Host({ store: engine.store, world }, 'keeper');
    await keeper.register();
    await standing(engine, keeper);
    const until = Date.now() + SECONDS * 1_000;
    const sweeping = async (): Promise<void> => {
      for (let cursor; Date.now() < until;) {
        const done = await sweep(
          { store: engine.store, world },
          { deadline: Date.now() + 1_000, limit: 2_000, cursor },
        );
        assert.deepEqual(done.failures, []);
        cursor = { ...done.cursor, walkedAt: 0 };
        await world.pause(500);
      }
    };
    let [looks, items] = [0, 0];
    const looking = async (): Promise<void> => {
      while (Date.now() < until) {
        const checked = await checkAll(engine, world);
        // What the sweep has not cleared yet is no damage.
        const damage = checked.findings.filter(({ isLeftover }) => !isLeftover);
        assert.deepEqual(damage.map(lineOf), []);
        looks++;
        ({ items } = checked);
      }
    };
    const lives = Array.from({ length: HOSTS }, (_, number) => live(engine.elsewhere(), number, until));
    const [calls] = await Promise.all([Promise.all(lives), sweeping(), looking()]);
    assert.ok(looks > 0 && calls.every((count) => count > 0));
    t.diagnostic(`${looks} looks at ${items} items, beside ${calls.reduce((a, b) => a + b)} calls`);
  } finally {
    await engine.close();
  }
});
