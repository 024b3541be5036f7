/** What each call of the viewer reads, in the units that DynamoDB bills, and that docs/messages.md says so. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, it } from 'node:test';
import { notesOver } from '../../../functions/dynamo/open-notes.ts';
import { sideBySide } from '../../../functions/ipam/all-settled.ts';
import { CHUNKS_PER_GROUP, CHUNK_SIZE } from '../../../functions/ipam/chunk.ts';
import type { Deps } from '../../../functions/ipam/deps.ts';
import { viewHost } from '../../../functions/ipam/hosts/host-view.ts';
import { SLOT_MAX_BYTES, encodeSlot } from '../../../functions/ipam/slot.ts';
import { showSpace } from '../../../functions/ipam/spaces/change.ts';
import type { Notes } from '../../../functions/ipam/notes.ts';
import { listAddresses, whoseAddress } from '../../../functions/ipam/views/addresses.ts';
import { findAddresses } from '../../../functions/ipam/views/find.ts';
import { freeAddresses } from '../../../functions/ipam/views/free.ts';
import { freeSubnets } from '../../../functions/ipam/views/free-subnets.ts';
import { listHosts } from '../../../functions/ipam/views/hosts.ts';
import { listPools, showPool } from '../../../functions/ipam/views/pools.ts';
import { realWorld } from '../../../functions/lambda/world.ts';
import { type Address, type Cidr, parseAddress, parseCidr } from '../../../protocol/address.ts';
import { type EngineStore, engineStore } from '../../support/engine-store.ts';
import { Host, withMac } from '../../support/fleet.ts';
import { type Meter, meter } from '../../support/meter.ts';
import { root } from '../../support/repository.ts';
import { KEY } from '../../models/store/samples.ts';

const world = { ...realWorld, advance: () => undefined };
const HOSTS = 200;
const ADDRESSES_OF_NETWORK = 10;

let engine: EngineStore;
let deps: Deps & { world: typeof world };
let notes: Notes;
let counter: Meter;

const cidr = (text: string): Cidr => parseCidr(text) ?? assert.fail(text);
const address = (text: string): Address => parseAddress(text) ?? assert.fail(text);
const withNumber = (number: number) => withMac(`02:42:0a:00:00:${number.toString(16).padStart(2, '0')}`);

before(async () => {
  engine = await engineStore();
  deps = { store: engine.store, world };
  notes = notesOver(engine.client, engine.table, world);
  await populate(new Host(deps, 'web-1'));
  for (let i = 3; i <= HOSTS; i++) await new Host(deps, `web-${i}`).register();
  counter = meter(engine.client);
});
after(() => engine.close());

/** A network of ten endpoints in a /24, a /16 and a /64, a /22 that is full, and a space of forty subnets. */
async function populate(host: Host): Promise<void> {
  await host.register();
  for (const pool of ['10.1.0.0/24', '10.2.0.0/16', 'fd00:1::/64']) {
    const net = await host.pool({ pool, v6: pool.includes(':') });
    for (let i = 0; i < ADDRESSES_OF_NETWORK; i++) await host.address(net, '', withNumber(i));
  }
  await host.pool({ pool: '10.4.0.0/22' });
  await fill('10.4.0.0/22');
  const other = new Host(deps, 'web-2');
  await other.register();
  const use = { pools4: 12, pools6: 0, size4: 3_048, held4: 1_234, held6: 0 };
  for (let i = 0; i < 10; i++) await notes.write(`space-${i}`, use, Date.now(), 0);
  await sideBySide(
    Array.from({ length: 720 }, (_, hour) => hour),
    (hour) => notes.write('space-1', use, Date.now(), hour),
  );
  for (let i = 0; i < 40; i++) await other.pool({ space: 'many', pool: `10.3.${i}.0/24` });
}

/** Leases the whole group of chunks of a /22, each slot as long as one can be. */
async function fill(pool: string): Promise<void> {
  const { generation } = (await deps.store.readPool('default', cidr(pool))) ?? assert.fail();
  const { items } = await deps.store.refsOf(generation);
  const ref = items[0]?.name ?? assert.fail();
  const lease = {
    kind: 'leased',
    ref,
    requestKey: KEY,
    mac: '02:42:ac:11:00:02',
    name: 'x'.repeat(SLOT_MAX_BYTES),
  } as const;
  const value = encodeSlot(lease);
  for (let chunk = 0n; chunk < CHUNKS_PER_GROUP; chunk++) {
    const slots = Array.from({ length: CHUNK_SIZE }, (_, slot) => ({ generation, chunk, slot }));
    await Promise.all(
      slots.map((place) => deps.store.writeSlot(place, value, 'sticky', { kind: 'free', cooledBy: 0 })),
    );
  }
}

const LOOKS: readonly (readonly [what: string, look: () => Promise<unknown>])[] = [
  ['a list of ten spaces', () => notes.list()],
  ['what a space held in thirty days', () => notes.hoursOf('space-1')],
  ['a page of 32 pools, each a /24', () => listPools(deps, 'many', undefined, Infinity)],
  ['a pool, a /24', () => showPool(deps, 'default', cidr('10.1.0.0/24'), undefined, Infinity)],
  ['a pool, a full /22', () => showPool(deps, 'default', cidr('10.4.0.0/22'), undefined, Infinity)],
  ['a pool, a /16', () => showPool(deps, 'default', cidr('10.2.0.0/16'), undefined, Infinity)],
  ['a pool, a /64', () => showPool(deps, 'default', cidr('fd00:1::/64'), undefined, Infinity)],
  ['a page of addresses, of a /24', () => listAddresses(deps, 'default', cidr('10.1.0.0/24'), undefined, Infinity)],
  [
    'a page of addresses, of a full /22',
    () => listAddresses(deps, 'default', cidr('10.4.0.0/22'), undefined, Infinity),
  ],
  ['a page of addresses, of a /16', () => listAddresses(deps, 'default', cidr('10.2.0.0/16'), undefined, Infinity)],
  ['a page of addresses, of a /64', () => listAddresses(deps, 'default', cidr('fd00:1::/64'), undefined, Infinity)],
  ['an address that is held', () => whoseAddress(deps, 'default', address('10.4.0.9'))],
  ['an address that is free', () => whoseAddress(deps, 'default', address('10.1.0.250'))],
  ['an address in no pool', () => whoseAddress(deps, 'default', address('10.9.0.1'))],
  [
    'a search of a space of forty /24',
    () => findAddresses(deps, { space: 'many', text: 'web-2' }, undefined, Infinity),
  ],
  [
    'free addresses of a /24',
    () => freeAddresses(deps, { space: 'default', cidr: cidr('10.1.0.0/24') }, undefined, Infinity),
  ],
  [
    'free addresses of a /16, a page',
    () => freeAddresses(deps, { space: 'default', cidr: cidr('10.2.0.0/16') }, undefined, Infinity),
  ],
  [
    'free subnets of a space of forty pools',
    () => freeSubnets(deps, { space: 'many', family: 4, size: undefined }, undefined, Infinity),
  ],
  ['a page of 200 hosts', () => listHosts(deps, undefined, undefined, Infinity)],
  ['a host with four networks', () => viewHost(deps, 'web-1')],
  ['a space of forty pools', () => showSpace(deps, 'many')],
];

it('reads as many units as the document says', async () => {
  const counted: string[] = [];
  for (const [what, look] of LOOKS) {
    const { outcome, cost } = await counter.measure(look);
    if (outcome.status === 'rejected') throw outcome.reason;
    assert.equal(cost.writeUnits, 0);
    counted.push(`| ${what} | ${cost.requests} | ${cost.readUnits} |`);
  }
  const messages = readFileSync(path.join(root, 'docs/messages.md'), 'utf8');
  const [, table = ''] = /^\| look \|.*\n\|---.*\n((?:\|.*\n)+)/m.exec(messages) ?? [];
  assert.deepEqual(table.trim().split('\n'), counted);
});
