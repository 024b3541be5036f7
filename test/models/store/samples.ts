/** Values for the tests of the store contract. */
import assert from 'node:assert/strict';
import type { Pool, PoolDraft } from '../../../functions/ipam/pool.ts';
import type { Ref } from '../../../functions/ipam/ref.ts';
import { encodeSlot } from '../../../functions/ipam/slot.ts';
import type { Store } from '../../../functions/ipam/store.ts';
import { cidr, ip } from '../../support/addresses.ts';

export { cidr } from '../../support/addresses.ts';

let unique = 0;
export const fresh = (what: string): string => `${what}${++unique}`;

export const draft = (space: string, text: string): PoolDraft => ({
  space,
  cidr: cidr(text),
  announcedAt: 1_000,
  createdBy: 'h1',
  gateway: ip('10.0.0.1'),
  cooldown: 30_000,
  exclusive: false,
});

export async function announce(store: Store, space: string, text: string): Promise<Pool> {
  const result = await store.announcePool(draft(space, text));
  return 'announced' in result ? result.announced : assert.fail(`${text} exists already`);
}

export const ref = (generation: string, name: string): Ref => ({
  name,
  generation,
  space: 'default',
  cidr: cidr('10.0.0.0/24'),
  subPool: cidr('10.0.0.128/25'),
  hostId: 'h1',
  epoch: 1,
  requestKey: '0000000000001',
  gateway: ip('10.0.0.1'),
  reserved: [
    { family: 4, first: 1n, last: 1n },
    { family: 4, first: 5n, last: 9n },
  ],
  asked: [{ address: { family: 4, value: 1n }, sequence: '000000001' }],
  state: 'live',
  fencedAt: undefined,
  endedAt: undefined,
});

export const lease = (refName: string, requestKey: string): string =>
  encodeSlot({ kind: 'leased', ref: refName, requestKey, mac: '', name: 'web' });
export const free = (releasedAt: number): string =>
  encodeSlot({ kind: 'free', releasedAt, hostTag: 'hosthost', sequence: '000000001' });
export const reserved = (refName: string): string =>
  encodeSlot({ kind: 'reserved', ref: refName, sequence: '000000001' });
export const REF = 'hosthost000001';
export const OTHER = 'hosthost000002';
export const KEY = '0000000051111';

/** A reference that the store has. */
export async function added(store: Store, changes: Partial<Ref> = {}): Promise<Ref> {
  const one = { ...ref(fresh('g'), REF), ...changes };
  await store.addRef(one);
  return one;
}
