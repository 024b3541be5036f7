import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as v from 'valibot';
import { networksPosition, parseList, parseNameserver, parseRoute } from '../../../../functions/lambda/messages.ts';
import {
  releaseAddressMessage,
  releasePoolMessage,
  requestAddressMessage,
  requestPoolMessage,
} from '../../../../protocol/docker-messages.ts';
import { handshakeHeaders } from '../../../../protocol/headers.ts';
import {
  holdingsMessage,
  networksMessage,
  registerMessage,
  reviveMessage,
  settleMessage,
} from '../../../../protocol/host-messages.ts';
import { range } from '../ipam/values.ts';

/** The field at which a message is wrong, or '' when it is valid. */
function wrongAt(schema: v.GenericSchema, message: unknown): string {
  const result = v.safeParse(schema, message);
  return result.success ? '' : (v.getDotPath(result.issues[0]) ?? 'body');
}

const messages = {
  RequestPool: requestPoolMessage,
  ReleasePool: releasePoolMessage,
  RequestAddress: requestAddressMessage,
  ReleaseAddress: releaseAddressMessage,
} as const;

describe("Docker's messages", () => {
  it('are accepted as Docker 29 sends them', () => {
    const pool = {
      AddressSpace: 'default',
      Pool: '10.1.0.0/24',
      SubPool: '',
      Options: { 'berth.order': 'serial' },
      V6: false,
    };
    assert.deepEqual(v.parse(requestPoolMessage, pool), pool);
    const gateway = { PoolID: 'p', Address: '', Options: { RequestAddressType: 'com.docker.network.gateway' } };
    assert.deepEqual(v.parse(requestAddressMessage, gateway), gateway);
    assert.deepEqual(v.parse(releaseAddressMessage, { PoolID: 'p', Address: '10.1.0.2' }), {
      PoolID: 'p',
      Address: '10.1.0.2',
    });
    assert.deepEqual(v.parse(releasePoolMessage, { PoolID: 'p' }), { PoolID: 'p' });
  });

  it('may omit what is empty, and have null for no options', () => {
    const empty = { AddressSpace: 'default', Pool: '', SubPool: '', Options: {}, V6: false };
    assert.deepEqual(v.parse(requestPoolMessage, { AddressSpace: 'default' }), empty);
    assert.deepEqual(v.parse(requestPoolMessage, { AddressSpace: 'default', Options: null }), empty);
    assert.deepEqual(v.parse(requestAddressMessage, { PoolID: 'p', Options: null }), {
      PoolID: 'p',
      Address: '',
      Options: {},
    });
  });

  it('may carry unknown fields, which are ignored', () => {
    assert.deepEqual(v.parse(releasePoolMessage, { PoolID: 'p', Reason: 'x' }), { PoolID: 'p' });
  });

  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`key${i}`, '']));
  const cases: readonly [what: string, name: keyof typeof messages, message: object, at: string][] = [
    ['a missing address space', 'RequestPool', {}, 'AddressSpace'],
    ['an empty address space', 'RequestPool', { AddressSpace: '' }, 'AddressSpace'],
    ['a pool that is not a string', 'RequestPool', { AddressSpace: 'a', Pool: null }, 'Pool'],
    ['V6 that is not a boolean', 'RequestPool', { AddressSpace: 'a', V6: 'true' }, 'V6'],
    ['options that are a list', 'RequestPool', { AddressSpace: 'a', Options: ['x'] }, 'Options'],
    ['options that are a string', 'RequestPool', { AddressSpace: 'a', Options: 'x' }, 'Options'],
    ['an option that is not a string', 'RequestPool', { AddressSpace: 'a', Options: { k: 1 } }, 'Options.k'],
    [
      'an option that is too long',
      'RequestPool',
      { AddressSpace: 'a', Options: { k: 'x'.repeat(2_049) } },
      'Options.k',
    ],
    ['65 options', 'RequestPool', { AddressSpace: 'a', Options: many(65) }, 'Options'],
    ['a pool that is too long', 'RequestPool', { AddressSpace: 'a', Pool: 'x'.repeat(2_049) }, 'Pool'],
    ['a missing PoolID', 'ReleasePool', {}, 'PoolID'],
    ['an empty PoolID', 'RequestAddress', { PoolID: '' }, 'PoolID'],
    ['an address that is not a string', 'RequestAddress', { PoolID: 'p', Address: 1 }, 'Address'],
    ['a missing address', 'ReleaseAddress', { PoolID: 'p' }, 'Address'],
    ['an empty address', 'ReleaseAddress', { PoolID: 'p', Address: '' }, 'Address'],
  ];
  for (const [what, name, message, at] of cases) {
    it(`are refused at the field that is wrong: ${what} (${name})`, () => {
      assert.equal(wrongAt(messages[name], message), at);
    });
  }

  it('may have 64 options of 2,048 bytes, more than any caller sends', () => {
    const Options = { ...many(63), k: 'x'.repeat(2_048) };
    assert.equal(wrongAt(requestPoolMessage, { AddressSpace: 'a', Options }), '');
  });
});

describe('the settlement of a call', () => {
  const address = { PoolID: 'p', Address: '', Options: { k: 'v' } };
  const settlement = (changes: object = {}) => ({
    Method: 'RequestAddress',
    RequestKey: '0mjuohs00abcd',
    Request: address,
    Keep: '10.1.0.2',
    ...changes,
  });

  it('carries the request as Docker sent it', () => {
    assert.deepEqual(v.parse(settleMessage, settlement()), settlement());
    const nulls = settlement({ Request: { PoolID: 'p', Options: null }, Keep: null });
    assert.deepEqual(v.parse(settleMessage, nulls), { ...nulls, Request: { PoolID: 'p', Address: '', Options: {} } });
    const { Keep: _, ...nothingKept } = settlement();
    assert.equal(v.parse(settleMessage, nothingKept).Keep, undefined);
  });

  it('of a pool needs only the key', () => {
    for (const Request of [{}, null, 'x', { Pool: 7 }]) {
      const parsed = v.parse(settleMessage, settlement({ Method: 'RequestPool', Request, Keep: 'p' }));
      assert.deepEqual(parsed, { Method: 'RequestPool', RequestKey: '0mjuohs00abcd', Keep: 'p' });
    }
  });

  it('of a malformed request for an address, which was refused, has nothing to do', () => {
    for (const Request of [
      {},
      null,
      'x',
      [],
      { PoolID: '' },
      { PoolID: 'p', Address: 7 },
      { PoolID: 'p', Options: [] },
    ]) {
      assert.deepEqual(v.parse(settleMessage, settlement({ Request })), settlement({ Request: null }));
    }
  });

  for (const [at, message] of [
    ['Method', settlement({ Method: 'ReleasePool' })],
    ['Method', {}],
    ['RequestKey', settlement({ RequestKey: '0mjuohs00abc' })],
    ['Keep', settlement({ Keep: '' })],
    ['Keep', settlement({ Keep: 7 })],
    ['Keep', settlement({ Keep: 'x'.repeat(2_049) })],
    ['Request', { Method: 'RequestAddress', RequestKey: '0mjuohs00abcd' }],
  ] as const) {
    it(`is refused where the settlement itself is malformed: ${at} of ${JSON.stringify(message).slice(0, 120)}`, () => {
      assert.equal(wrongAt(settleMessage, message), at);
    });
  }
});

describe('the registration of a host', () => {
  const registration = (changes: object = {}) => ({ Proposed: 'x'.repeat(8), ShimVersion: '0.1.0', ...changes });

  it('may omit what is unknown', () => {
    const unknown = { ...registration(), Incarnation: undefined, EngineVersion: '', Machine: {} };
    assert.deepEqual({ Incarnation: undefined, ...v.parse(registerMessage, registration()) }, unknown);
    const nulls = registration({ Incarnation: null, EngineVersion: null });
    assert.deepEqual(v.parse(registerMessage, nulls), { ...unknown, Incarnation: null });
    const whole = registration({ Incarnation: 'A-z_0'.repeat(12), EngineVersion: '28.5.2', Machine: {} });
    assert.deepEqual(v.parse(registerMessage, whole), whole);
  });

  it('is not refused for what it says of the health: what cannot be read is left out', () => {
    const health = {
      Status: 'ok',
      Reason: '',
      Waiting: 0,
      DeadLetters: 0,
      Findings: 0,
      ComparedAt: '2026-01-01T00:00:00.000Z',
      Refused: 0,
      LastRefusal: 'x'.repeat(120),
    };
    const read = (Health: unknown) => v.parse(registerMessage, registration({ Health })).Health;
    assert.deepEqual(read(health), health);
    assert.deepEqual(read({ ...health, ComparedAt: null, Later: 1 }), { ...health, ComparedAt: null });
    for (const wrong of [
      { Status: 'fine' },
      { Reason: '\u001b[2J' },
      { LastRefusal: 'x'.repeat(121) },
      { Waiting: -1 },
      { Waiting: 1e300 },
      { ComparedAt: 'today' },
    ])
      assert.equal(read({ ...health, ...wrong }), undefined, JSON.stringify(wrong));
    assert.equal(read('ok'), undefined);
  });

  for (const [at, changes] of [
    ['Proposed', { Proposed: undefined }],
    ['Proposed', { Proposed: '' }],
    ['Proposed', { Proposed: 'x'.repeat(7) }],
    ['Proposed', { Proposed: 'x'.repeat(65) }],
    ['Proposed', { Proposed: 'not a nonce' }],
    ['Incarnation', { Incarnation: '' }],
    ['ShimVersion', { ShimVersion: '' }],
    ['ShimVersion', { ShimVersion: 'x'.repeat(65) }],
    ['ShimVersion', { ShimVersion: '0.1.0\n' }],
    ['EngineVersion', { EngineVersion: 28 }],
    ['EngineVersion', { EngineVersion: '\ud800' }],
  ] as const) {
    it(`is refused at the field that is wrong: ${JSON.stringify(changes)}`, () => {
      assert.equal(wrongAt(registerMessage, registration(changes)), at);
    });
  }
});

describe('the request for what a host has', () => {
  const place = { generation: '0mjuohs00abc', name: 'abcdefgh012345', requestKey: '0mjuohs00abcd' };
  /** Of the widest pool, 8000::/1. */
  const LAST_CHUNK = 2n ** 123n - 1n;
  const endpoint = { Address: '10.1.0.2', MacAddress: '02:00:00:00:00:01', Name: 'web' };
  const revival = (changes: object = {}) => ({
    PoolID: 'p',
    Gateway: '10.1.0.1',
    Reserved: [],
    Held: [endpoint],
    Last: true,
    ...changes,
  });

  it('asks page by page, and may omit what is unknown', () => {
    assert.equal(wrongAt(networksMessage, { After: null }), '');
    assert.equal(wrongAt(networksMessage, { After: place }), '');
    for (const After of [null, place]) assert.equal(wrongAt(networksPosition, After), '');
    assert.equal(wrongAt(holdingsMessage, { PoolID: 'p' }), '');
    assert.deepEqual(v.parse(holdingsMessage, { PoolID: 'p', After: '4096' }).After, 4_096n);
    assert.equal(v.parse(holdingsMessage, { PoolID: 'p', After: String(LAST_CHUNK) }).After, LAST_CHUNK);
    assert.equal(wrongAt(reviveMessage, revival()), '');
    assert.equal(wrongAt(reviveMessage, revival({ Gateway: null, Held: [{ Address: 'fd00::1' }] })), '');
  });

  const many = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item);
  const cases: readonly [at: string, schema: v.GenericSchema, message: object][] = [
    ['After', networksMessage, {}],
    ['generation', networksPosition, { ...place, generation: '' }],
    ['name', networksPosition, { ...place, name: 'x' }],
    ['requestKey', networksPosition, { ...place, requestKey: '\ud800' }],
    ['Addresses', holdingsMessage, { PoolID: 'p', Addresses: many(257, '10.1.0.2') }],
    ['Addresses.0', holdingsMessage, { PoolID: 'p', Addresses: ['10.1.0.2/24'] }],
    ['After', holdingsMessage, { PoolID: 'p', After: '-1' }],
    ['After', holdingsMessage, { PoolID: 'p', After: `1${String(LAST_CHUNK)}` }],
    ['Held', reviveMessage, revival({ Held: many(33, endpoint) })],
    ['Held.0.Address', reviveMessage, revival({ Held: [{ ...endpoint, Address: '' }] })],
    ['Held.0.MacAddress', reviveMessage, revival({ Held: [{ ...endpoint, MacAddress: '02:00:00:00:00:0G' }] })],
    ['Gateway', reviveMessage, revival({ Gateway: '' })],
    ['Reserved', reviveMessage, revival({ Reserved: many(257, '10.1.0.9') })],
    ['Last', reviveMessage, revival({ Last: undefined })],
  ];
  for (const [at, schema, message] of cases) {
    it(`is refused at the field that is wrong: ${at} of ${JSON.stringify(message).slice(0, 100)}`, () => {
      assert.equal(wrongAt(schema, message), at);
    });
  }
});

describe('the networks that an automatic pool must avoid', () => {
  const avoid = (routes = '', nameservers = '') => [
    ...parseList(routes, parseRoute),
    ...parseList(nameservers, parseNameserver),
  ];

  it('are empty for a host that reports none', () => {
    assert.deepEqual(avoid(), []);
  });

  it('are those that the host reaches and the addresses of its name servers', () => {
    assert.deepEqual(avoid('10.0.0.0/8,fdbe:5274:6800:0001:0000:0000:0000:0000/64', '192.168.1.1,fd00::53'), [
      range('10.0.0.0-10.255.255.255'),
      range('fdbe:5274:6800:1::-fdbe:5274:6800:1:ffff:ffff:ffff:ffff'),
      range('192.168.1.1'),
      range('fd00::53'),
    ]);
  });

  it('are those that can be parsed, since they only help to choose', () => {
    assert.deepEqual(avoid('nonsense, 10.0.0.0/8 ,10.0.0.1,,/,300.0.0.0/8', '::1/64,dns.example, 9.9.9.9'), [
      range('10.0.0.0-10.255.255.255'),
      range('9.9.9.9'),
    ]);
  });
});

describe('the headers of a handshake', () => {
  it('name the driver, and may name a space', () => {
    const driver = { 'berth-driver': 'berth-ipvlan' };
    assert.deepEqual(v.parse(handshakeHeaders, driver), driver);
    assert.deepEqual(v.parse(handshakeHeaders, { ...driver, 'berth-space': 'prod' }), {
      ...driver,
      'berth-space': 'prod',
    });
  });

  it('are refused with another driver or a bad space', () => {
    assert.equal(wrongAt(handshakeHeaders, {}), 'berth-driver');
    assert.equal(wrongAt(handshakeHeaders, { 'berth-driver': 'bridge' }), 'berth-driver');
    assert.equal(wrongAt(handshakeHeaders, { 'berth-driver': 'berth', 'berth-space': 'a b' }), 'berth-space');
    assert.equal(wrongAt(handshakeHeaders, { 'berth-driver': 'berth', 'berth-space': 'prod.global' }), 'berth-space');
  });
});
