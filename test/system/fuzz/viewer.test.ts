/** Requests to the functions that only show the fleet, to viewers and operators: whatever is sent, the answer is clear and nothing changes. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { MAC } from '../../support/fleet.ts';
import { type Fields, anyText, messageOf, texts } from './support/arbitraries.ts';
import { refusesAnything, refusesOversized, tryReading } from './support/attempts.ts';
import { type Answer, type Border, type Event, openBorder } from './support/border.ts';

const RUNS = 60;

let border: Border;

/** A network in a small pool, in one of 65,536 addresses and in a large one, each with an address. */
before(async () => {
  border = await openBorder();
  for (const Pool of ['10.1.0.0/24', '10.2.0.0/16', 'fd00:1::/64']) {
    const wish = { AddressSpace: 'held', Pool, V6: Pool.includes(':') };
    const { PoolID } = await border.succeed('RequestPool', wish);
    await border.succeed('RequestAddress', { PoolID, Options: MAC });
  }
});

after(() => border.close());

const send = (path: string, event: Event): Promise<Answer> =>
  border.send(path === '/Berth.Check' ? 'check' : 'viewer', path, event);

const quoted = anyText.map((text) => JSON.stringify(text));
const mostly = (...values: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 6, arbitrary: texts(...values) }, { weight: 1, arbitrary: quoted });

const Space = mostly('held', 'default');
const Pool = mostly('10.1.0.0/24', '10.2.0.0/16', 'fd00:1::/64', '10.3.0.0/24');
/** Where a list goes on: often left out, and often what no answer has given. */
const afterOf = (...places: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant('null') }, mostly(...places));

const FIELDS: Readonly<Record<string, Fields>> = {
  '/Berth.ViewSpaces': { After: afterOf('default', 'zzz', '#') },
  '/Berth.ViewUsage': { Space },
  '/Berth.ViewPools': { Space, After: afterOf('10.1.0.0/24', 'fd00:1::/64', '::/0') },
  '/Berth.ViewPool': { Space, Pool, After: afterOf('0', 'zzzz') },
  '/Berth.ViewAddresses': { Space, Pool, After: afterOf('0', '63', '64', '9999') },
  '/Berth.ViewAddress': { Space, Address: mostly('10.1.0.1', '10.2.255.255', 'fd00:1::5', '10.9.9.9', '::') },
  '/Berth.ViewAddressAt': {
    Space,
    Address: mostly('10.1.0.1', 'fd00:1::5', '::'),
    At: fc.oneof(fc.integer().map(String), quoted, fc.constant('null')),
  },
  '/Berth.ViewFind': {
    Space,
    Text: mostly('web-1', '02:42:ac:11:00:02'),
    After: afterOf('10.1.0.0/24', '10.2.0.0/16+3', 'fd00:1::/64+start', '10.2.0.0/16+9999'),
  },
  '/Berth.ViewFree': { Space, Pool, After: afterOf('0', '63', '64', '9999') },
  '/Berth.ViewFreeSubnets': {
    Space,
    Family: fc.constantFrom('4', '6', '5', '"4"'),
    Size: fc.oneof({ weight: 3, arbitrary: fc.constant('null') }, fc.constantFrom('0', '24', '64', '129', '24.5')),
    After: afterOf('0', '16383', '16384', '18446744073709551616'),
  },
  '/Berth.ViewHosts': {
    State: fc.oneof({ weight: 2, arbitrary: fc.constant('null') }, texts('live', 'dead', 'asleep')),
    After: afterOf('0', '15', '16', '3:web-1', '3:?'),
  },
  '/Berth.ViewHost': { Host: mostly('web-1', 'web-9', 'i-0123456789abcdef9') },
  '/Berth.ViewSpace': { Space },
  '/Berth.Check': { After: afterOf('{"pk":"a","sk":"b"}', '{"pk":"","sk":"b"}', '{}', '7') },
};

describe('a message to the viewer', () => {
  for (const [path, fields] of Object.entries(FIELDS)) {
    it(`is refused at ${path}: any bytes, and any JSON without a valid field`, async () => {
      await refusesAnything((event) => send(path, event), RUNS);
    });

    it(`is refused at ${path}: oversized values, and unlimited nesting`, async () => {
      await refusesOversized((event) => send(path, event), 65_536, Object.keys(fields)[0] ?? assert.fail());
    });

    it(`with random fields is answered clearly at ${path}, and changes nothing`, async () => {
      await tryReading((event) => send(path, event), messageOf(fields), 3 * RUNS);
    });
  }
});
