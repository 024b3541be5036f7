/** Each kind of damage, planted into a table that is sound otherwise: a check finds it by its name, and nothing else. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { notesOver } from '../../../../../functions/dynamo/open-notes.ts';
import type { Ref } from '../../../../../functions/ipam/ref.ts';
import { encodeSlot } from '../../../../../functions/ipam/slot.ts';
import { FIRST_CURSOR } from '../../../../../functions/ipam/sweep-cursor.ts';
import { checkAll, lineOf } from '../../../../support/check.ts';
import { type EngineStore, engineStore } from '../../../../support/engine-store.ts';
import { Host, named, withMac } from '../../../../support/fleet.ts';
import { itemsOf } from '../../../../support/items.ts';
import { type TestWorld, testWorld } from '../../../../support/world.ts';

const HOUR_MS = 3_600_000;

/** Two hosts that share a pool, each with an address, and one with a pool of its own that has a name. */
async function soundTable(engine: EngineStore) {
  const world = testWorld({ seed: 1 });
  const deps = { world, store: engine.store };
  const [one, other] = [new Host(deps, 'one'), new Host(deps, 'other')];
  for (const host of [one, other]) await host.register();
  const shared = { pool: '10.1.0.0/24' };
  const nets = [await one.pool(shared), await other.pool(shared)] as const;
  const mac = withMac('02:42:0a:01:00:09');
  await one.address(nets[0], '10.1.0.9', { ...named('db'), ...mac });
  await other.address(nets[1], '10.1.0.40');
  await one.pool({ options: { 'berth.name': 'front' } });
  const alone = await other.pool({ pool: '10.2.0.0/24' });
  await other.address(alone, '10.2.0.7');
  const use = { pools4: 3, pools6: 0, size4: 762, held4: 6, held6: 0 };
  await notesOver(engine.client, engine.table, world).write('default', use, world.now(), 0);
  world.advance(HOUR_MS);
  const [ref, elsewhere] = await Promise.all([nets[0], alone].map((net) => refOf(engine, net.poolId)));
  assert.ok(ref !== undefined && elsewhere !== undefined);
  return { engine, world, ref, elsewhere };
}

type Sound = Awaited<ReturnType<typeof soundTable>>;

async function refOf({ client, table, store }: EngineStore, poolId: string): Promise<Ref | undefined> {
  const all = await itemsOf(client, table);
  const refs = all.filter(({ sk }) => String(sk).startsWith('ref#'));
  for (const { pk, sk } of refs) {
    const ref = await store.readRef(String(pk).slice('pool#'.length), String(sk).slice('ref#'.length));
    if (ref !== undefined && poolId.includes(ref.generation) && poolId.includes(ref.name)) return ref;
  }
  return undefined;
}

const put = async ({ client, table }: EngineStore, item: object): Promise<void> => {
  await client.send(new PutItemCommand({ TableName: table, Item: marshall(item) }));
};

/** Sets one attribute of an item. */
const set = async ({ client, table }: EngineStore, key: object, name: string, value: unknown): Promise<void> => {
  await client.send(
    new UpdateItemCommand({
      TableName: table,
      Key: marshall(key),
      UpdateExpression: 'SET #name = :value',
      ExpressionAttributeNames: { '#name': name },
      ExpressionAttributeValues: marshall({ ':value': value }),
    }),
  );
};

const keyOf = ({ generation, name }: Ref) => ({ pk: `pool#${generation}`, sk: `ref#${name}` });
const chunkOf = ({ generation }: Ref, number: number) => ({
  pk: `pool#${generation}#0`,
  sk: `chunk#${number.toString(16).padStart(2, '0')}`,
});
const OLD = '000000001';
const lease = (ref: Pick<Ref, 'name'>, key = `${OLD}0000`, name = '', mac = ''): string =>
  encodeSlot({ kind: 'leased', ref: ref.name, requestKey: key, name, mac });
const poolItem = (space: string, sk: string, state = 'confirmed') => ({
  ...{ pk: `space#${space}`, sk, state, generation: 'planted00000', rev: 'r' },
  ...{ announcedAt: 0, createdBy: 'one', cooldown: 2_000, exclusive: false },
});

interface Plant {
  readonly it: string;
  readonly plant: (sound: Sound) => Promise<unknown>;
  /** The lines of what is found, in any order. */
  readonly finds: readonly (string | RegExp)[];
}

const PLANTS: readonly Plant[] = [
  {
    it: 'one call with two addresses',
    plant: async ({ engine, ref }) => {
      await set(engine, chunkOf(ref, 1), 's1', lease(ref));
      await set(engine, chunkOf(ref, 2), 's2', lease(ref));
    },
    finds: ['duplicate lease: 10.1.0.17 in 10.1.0.0/24 of space default'],
  },
  {
    it: 'one endpoint with two addresses',
    plant: ({ engine, ref }) => set(engine, chunkOf(ref, 4), 's0', lease(ref, `${OLD}0001`, 'db', '02:42:0a:01:00:09')),
    finds: ['duplicate lease: 10.1.0.9 in 10.1.0.0/24 of space default'],
  },
  {
    it: 'a pool inside of another, and an address that both have leased',
    plant: async ({ engine, ref, elsewhere }) => {
      await put(engine, poolItem('default', 'pool#40a010000#025'));
      const inner = { ...ref, generation: 'planted00000', name: 'planted0000000' };
      await engine.store.addRef({ ...inner, hostId: 'one', cidr: { ...ref.cidr, prefix: 25 }, gateway: undefined });
      await put(engine, { ...chunkOf(inner, 0), s9: lease(inner) });
      assert.notEqual(elsewhere.generation, ref.generation);
    },
    finds: ['overlapping pools: 10.1.0.0/25 of space default', 'duplicate lease: 10.1.0.9 of space default'],
  },
  {
    it: 'a network without a pool',
    plant: ({ engine, ref }) => engine.store.addRef({ ...ref, generation: 'planted00000', name: 'planted0000000' }),
    finds: ['orphaned reference: the network of host one on 10.1.0.0/24 of space default'],
  },
  {
    it: 'a network without a host',
    plant: ({ engine, ref }) =>
      engine.store.addRef({ ...ref, name: 'planted0000000', hostId: 'nobody', gateway: undefined }),
    finds: ['orphaned reference: the network of host nobody on 10.1.0.0/24 of space default'],
  },
  {
    it: 'a network of a host that died long ago',
    plant: async ({ engine, elsewhere, world }) => {
      const host = await engine.store.readHost('other');
      assert.ok(host);
      const dead = { ...host, state: 'dead', epoch: 2, changedAt: world.now() - 4 * HOUR_MS } as const;
      await engine.store.writeHost(dead, host);
      assert.equal(elsewhere.hostId, 'other');
    },
    finds: [
      'network of a dead host: the network of host other on 10.1.0.0/24 of space default',
      'network of a dead host: the network of host other on 10.2.0.0/24 of space default',
    ],
  },
  {
    it: 'a slot that nobody can read',
    plant: ({ engine, ref }) => set(engine, chunkOf(ref, 1), 's3', 'nonsense'),
    finds: [/^malformed item: slot 3 of chunk 1 of generation \w+$/],
  },
  {
    it: 'an item that nobody can read',
    plant: ({ engine }) => put(engine, { pk: 'space#default', sk: 'pool#nonsense' }),
    finds: ['malformed item: the table'],
  },
  {
    it: 'a reservation that nobody lists',
    plant: ({ engine, ref }) =>
      set(engine, chunkOf(ref, 3), 's3', encodeSlot({ kind: 'reserved', ref: ref.name, sequence: OLD })),
    finds: ['reservation that nobody lists: 10.1.0.51 in 10.1.0.0/24 of space default (left for the sweep)'],
  },
  {
    it: 'a lease of a network that ended long ago',
    plant: async ({ engine, ref, world }) => {
      const gone = { ...ref, name: 'planted0000000', state: 'gone', endedAt: world.now() - 4 * HOUR_MS } as const;
      await engine.store.addRef(gone);
      await set(engine, chunkOf(ref, 3), 's3', lease(gone));
    },
    finds: ['orphaned lease: 10.1.0.51 in 10.1.0.0/24 of space default'],
  },
  {
    it: 'a lease of a network that nobody knows',
    plant: ({ engine, ref }) => set(engine, chunkOf(ref, 3), 's3', lease({ name: 'planted0000000' })),
    finds: ['orphaned lease: 10.1.0.51 in 10.1.0.0/24 of space default (left for the sweep)'],
  },
  {
    it: 'a chunk without a pool',
    plant: ({ engine, ref }) => put(engine, { ...chunkOf({ ...ref, generation: 'planted00000' }, 2), s1: lease(ref) }),
    finds: ['chunk without a pool: chunk 2 of generation planted00000 (left for the sweep)'],
  },
  {
    it: 'a pool without a network',
    plant: ({ engine }) => put(engine, poolItem('default', 'pool#40a070000#024')),
    finds: ['pool without a network: 10.7.0.0/24 of space default (left for the sweep)'],
  },
  {
    it: 'two names for one pool',
    plant: ({ engine, ref: { cidr, generation } }) =>
      Promise.all(
        ['back', 'rear'].map((name) => engine.store.writePoolName('default', name, { cidr, generation }, undefined)),
      ),
    finds: ['two names for one pool: 10.1.0.0/24 of space default'],
  },
  {
    it: 'a network of a later epoch than its host',
    plant: ({ engine, ref }) => set(engine, keyOf(ref), 'epoch', 7),
    finds: ['counter off: the network of host one on 10.1.0.0/24 of space default'],
  },
  {
    it: 'a sweep that has counted more addresses than there are',
    plant: ({ engine }) => {
      const pool = { space: 'default', cidr: '10.1.0.0/24', size: 254, held: 300 };
      return engine.store.writeSweep({
        ...FIRST_CURSOR,
        usage: { pools: 0, held: 0, fullest: [], spaces: {}, open: { g: pool } },
      });
    },
    finds: ['counter off: 10.1.0.0/24 of space default'],
  },
];

/** @param limit items of a page: however the table is cut, the same is found. */
async function found({ engine, world }: { engine: EngineStore; world: TestWorld }, limit?: number): Promise<string[]> {
  const { findings } = await checkAll(engine, world, limit);
  return findings.map(lineOf).sort();
}

describe('a check of a table', () => {
  it('finds nothing where nothing is wrong', async () => {
    const engine = await engineStore();
    try {
      assert.deepEqual(await found(await soundTable(engine)), []);
    } finally {
      await engine.close();
    }
  });

  for (const { it: name, plant, finds } of PLANTS) {
    it(`finds ${name}, and nothing else`, async () => {
      const engine = await engineStore();
      try {
        const sound = await soundTable(engine);
        await plant(sound);
        for (const limit of [undefined, 1, 3]) {
          const lines = await found(sound, limit);
          const wanted = [...finds];
          assert.equal(lines.length, wanted.length, lines.join('\n'));
          for (const line of wanted) {
            const isThere = lines.some((one) => (typeof line === 'string' ? one === line : line.test(one)));
            assert.ok(isThere, `${String(line)} is not among:\n${lines.join('\n')}`);
          }
        }
      } finally {
        await engine.close();
      }
    });
  }
});
