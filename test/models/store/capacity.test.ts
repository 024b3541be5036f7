/** What each operation of the store costs, in capacity units as DynamoDB bills them, and that its reads are consistent. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CHUNKS_PER_GROUP, CHUNK_SIZE } from '../../../functions/ipam/chunk.ts';
import { SLOT_MAX_BYTES, encodeSlot, leasesUpTo } from '../../../functions/ipam/slot.ts';
import type { Store } from '../../../functions/ipam/store.ts';
import { cidrRange } from '../../../protocol/address.ts';
import { type EngineStore, engineStore } from '../../support/engine-store.ts';
import { type Cost, type Meter, meter, writeUnits } from '../../support/meter.ts';
import { host } from './host-contract.ts';
import { KEY, OTHER, REF, announce, draft, free, fresh, lease, ref, added, cidr } from './samples.ts';
import { SETTINGS } from './space-contract.ts';

/** The longest possible slot, for a chunk that is full of them. */
const LONGEST = encodeSlot({
  kind: 'leased',
  ref: REF,
  requestKey: KEY,
  mac: '02:42:ac:11:00:02',
  name: 'x'.repeat(SLOT_MAX_BYTES),
});

describe('the cost of the store', () => {
  let engine: EngineStore;
  let store: Store;
  let counter: Meter;
  const commands: { name: string; input: object }[] = [];

  before(async () => {
    engine = await engineStore();
    store = engine.store;
    counter = meter(engine.client);
    engine.client.middlewareStack.add(
      (next, context) => (args) => {
        commands.push({ name: context.commandName ?? '', input: args.input });
        return next(args);
      },
      { step: 'initialize' },
    );
  });
  after(() => engine.close());

  /** The cost of an operation that succeeds. */
  async function costOf(
    operation: () => Promise<unknown>,
  ): Promise<Pick<Cost, 'requests' | 'writeUnits' | 'readUnits'>> {
    const { outcome, cost } = await counter.measure(operation);
    if (outcome.status === 'rejected') throw outcome.reason;
    const { requests, writeUnits: written, readUnits } = cost;
    return { requests, writeUnits: written, readUnits };
  }
  const oneWrite = { requests: 1, writeUnits: 1, readUnits: 0 };
  const oneRead = { requests: 1, writeUnits: 0, readUnits: 1 };

  async function fullChunk(generation: string): Promise<void> {
    for (let slot = 0; slot < CHUNK_SIZE; slot++) {
      await store.writeSlot({ generation, chunk: 0n, slot }, LONGEST, 'sticky', { kind: 'free', cooledBy: 0 });
    }
  }

  it('claims, fails to claim and releases an address for one write unit each, even in a full chunk', async () => {
    const generation = fresh('g');
    const place = { generation, chunk: 0n, slot: 0 };
    const claim = () => store.writeSlot(place, LONGEST, 'sticky', { kind: 'free', cooledBy: 0 });
    assert.deepEqual(await costOf(claim), oneWrite, 'into a new chunk');
    await fullChunk(generation);
    const lost = () => store.writeSlot(place, lease(OTHER, KEY), 'sticky', { kind: 'free', cooledBy: 0 });
    assert.deepEqual(await costOf(lost), oneWrite, 'lost, on a full chunk');
    assert.deepEqual(await costOf(() => store.releaseSlot(place, free(7), leasesUpTo(REF, 'zzzzzzzzz'))), oneWrite);
    assert.deepEqual(await costOf(claim), oneWrite, 'into the last gap');
  });

  it('reads a group of full chunks for one read unit per 4 KB', async () => {
    const generation = fresh('g');
    await fullChunk(generation);
    assert.deepEqual(await costOf(() => store.readChunks(generation, 0n, 3n)), oneRead);
    const slots = Array.from({ length: CHUNK_SIZE }, (_, slot) => slot);
    for (let chunk = 1n; chunk < CHUNKS_PER_GROUP; chunk++) {
      await Promise.all(
        slots.map((slot) =>
          store.writeSlot({ generation, chunk, slot }, LONGEST, 'sticky', { kind: 'free', cooledBy: 0 }),
        ),
      );
    }
    const { requests, readUnits } = await costOf(() => store.readChunks(generation, 0n, CHUNKS_PER_GROUP - 1n));
    assert.equal(requests, 1);
    assert.ok(readUnits <= Number(CHUNKS_PER_GROUP) / 4, `${readUnits} read units`);
  });

  it('creates a pool for one write unit per step, and reads and queries pools for one read unit', async () => {
    const space = fresh('s');
    assert.deepEqual(await costOf(() => store.announcePool(draft(space, '10.0.0.0/24'))), oneWrite);
    const pool = (await store.readPool(space, cidr('10.0.0.0/24'))) ?? assert.fail();
    assert.deepEqual(await costOf(() => store.announcePool(draft(space, '10.0.0.0/24'))), oneWrite, 'lost');
    assert.deepEqual(await costOf(() => store.readPool(space, pool.cidr)), oneRead);
    assert.deepEqual(await costOf(() => store.poolsStartingIn(space, cidrRange(pool.cidr))), oneRead);
    assert.deepEqual(await costOf(() => store.poolsStartingBefore(space, { family: 4, value: 9n })), oneRead);
    const confirmed = await store.changePool(pool, 'confirmed');
    assert.deepEqual(await costOf(() => store.changePool(pool, 'retiring')), oneWrite, 'lost');
    assert.deepEqual(await costOf(() => store.removePool(confirmed ?? assert.fail())), oneWrite);
  });

  it('reads only a few pools on the first page of a crowded space', async () => {
    const space = fresh('s');
    const starts = Array.from({ length: 200 }, (_, i) => `10.0.${i}.0/24`);
    await Promise.all(starts.map((text) => announce(store, space, text)));
    const { readUnits } = await costOf(() => store.poolsStartingBefore(space, { family: 4, value: 0x0affffffn }));
    assert.equal(readUnits, 1);
  });

  it('adds a reference for two write units, including the index, and ends it for one', async () => {
    const generation = fresh('g');
    assert.deepEqual(await costOf(() => store.addRef(ref(generation, REF))), { ...oneWrite, writeUnits: 2 });
    assert.deepEqual(await costOf(() => store.readRef(generation, REF)), oneRead);
    assert.deepEqual(await costOf(() => store.refsOf(generation)), oneRead);
    const kept = { gateway: undefined, reserved: [], asked: [] };
    assert.deepEqual(await costOf(() => store.writeKept(ref(generation, REF), kept)), oneWrite);
    assert.deepEqual(await costOf(() => store.endRef(generation, REF, 7_000)), oneWrite);
  });

  it('finds the references of a call through the index for half a read unit', async () => {
    const one = await added(store);
    const cost = await costOf(() => store.refsOfCall(one.hostId, one.requestKey));
    assert.deepEqual(cost, { ...oneRead, readUnits: 0.5 });
  });

  it('records a heartbeat for one write unit, and finds all hosts with sixteen queries', async () => {
    const seen = await store.writeHost(host('cost'), undefined);
    assert.deepEqual(await costOf(() => store.writeHost(host('cost', 'two'), seen)), oneWrite);
    assert.deepEqual(await costOf(() => store.readHost('cost')), oneRead);
    const shards = await Promise.all(Array.from({ length: 16 }, (_, shard) => costOf(() => store.hostsOfShard(shard))));
    assert.ok(shards.every(({ requests }) => requests === 1));
  });

  it('puts a reference to sleep for one write unit, removes it for two, and finds it for half a read unit', async () => {
    const one = await added(store, { hostId: fresh('host') });
    assert.deepEqual(await costOf(() => store.refsOfHost(one.hostId)), { ...oneRead, readUnits: 0.5 });
    const dormant = { state: 'dormant', epoch: 1, fencedAt: 5_000, endedAt: undefined } as const;
    assert.deepEqual(await costOf(() => store.changeRefState(one, dormant)), oneWrite);
    await store.endRef(one.generation, REF, 7_000);
    const { writeUnits: removed } = await costOf(() => store.removeTombstone(one.generation, REF));
    assert.equal(removed, 2, 'including the index');
  });

  it('sets a name for one write unit', async () => {
    const space = fresh('s');
    const target = { cidr: cidr('10.0.0.0/24'), generation: 'g1' };
    assert.deepEqual(await costOf(() => store.writePoolName(space, 'ci', target, undefined)), oneWrite);
    assert.deepEqual(await costOf(() => store.readPoolName(space, 4, 'ci')), oneRead);
    assert.deepEqual(await costOf(() => store.writeSpace(space, SETTINGS, undefined)), oneWrite);
    assert.deepEqual(await costOf(() => store.readSpace(space)), oneRead);
  });

  it('reads everything consistently except for the index', () => {
    const reads = commands.filter(({ name }) => name === 'GetItemCommand' || name === 'QueryCommand');
    assert.ok(reads.length > 10);
    for (const { input } of reads) {
      const isOfIndex = 'IndexName' in input;
      assert.equal('ConsistentRead' in input && input.ConsistentRead, !isOfIndex, JSON.stringify(input));
    }
  });
});

describe('the meter', () => {
  it('rounds an item up to whole units of 1 KB', () => {
    assert.equal(writeUnits({ pk: { S: 'x'.repeat(1_022) } }), 1);
    assert.equal(writeUnits({ pk: { S: 'x'.repeat(1_023) } }), 2);
    assert.equal(writeUnits({}), 1);
  });

  it('counts concurrent requests as one round trip, and consecutive ones as two', async () => {
    const engine = await engineStore();
    try {
      const { measure } = meter(engine.client);
      const read = () => engine.store.readRef('g', REF);
      const beside = await measure(() => Promise.all([read(), read()]));
      assert.deepEqual([beside.cost.requests, beside.cost.roundTrips, beside.cost.readUnits], [2, 1, 2]);
      const after = await measure(async () => (await read(), await read()));
      assert.deepEqual([after.cost.requests, after.cost.roundTrips], [2, 2]);
    } finally {
      await engine.close();
    }
  });
});
