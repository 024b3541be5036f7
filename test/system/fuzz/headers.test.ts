/** Headers name the caller, so any header that is not exactly as a shim sends it is refused. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { CALL_HEADERS } from '../../unit/functions/lambda/event.ts';
import { GATEWAY, MAC } from '../../support/fleet.ts';
import { anyText } from './support/arbitraries.ts';
import { tryAll } from './support/attempts.ts';
import { type Border, METHOD_NAMES, type MethodName, freshHeaders, openBorder } from './support/border.ts';

const RUNS = 200;

let border: Border;
let poolId: string;

before(async () => {
  border = await openBorder();
  poolId = String((await border.succeed('RequestPool', { AddressSpace: 'default', Pool: '10.1.0.0/16' }))['PoolID']);
});

after(() => border.close());

/** A message that is carried out when its headers are valid. */
const messageFor = (method: MethodName): object => {
  if (method === 'RequestPool') return { AddressSpace: 'default' };
  // Only a gateway may be asked for again by the same network.
  if (method === 'RequestAddress') return { PoolID: poolId, Address: '10.1.0.1', Options: GATEWAY };
  return { PoolID: poolId, Address: '10.1.9.9' };
};

/** Methods whose message can be sent repeatedly. */
const REPEATABLE = ['RequestPool', 'RequestAddress', 'ReleaseAddress'] as const;

const send = (method: MethodName, headers: Record<string, string>) =>
  border.call(method, { headers, body: JSON.stringify(messageFor(method)) });

const OBLIGATORY = Object.keys(CALL_HEADERS);
const obligatory = fc.constantFrom(...OBLIGATORY);

/** A mark that no header of Berth ever contains. */
const alien = fc.oneof(
  fc.constantFrom('\r\n', '\n', '\r', '\0', '\t', ' ', ',', ';', '"', '\x7f', 'é', '١', '\u2028', '\ud800', '🚢'),
  fc.constantFrom('\r\nberth-host: other', '\r\n\r\n{}', ', web-2', 'x'.repeat(129), '/', '#'),
);

describe('the headers of a call', () => {
  it('are accepted as a shim sends them', async () => {
    for (const method of REPEATABLE) assert.equal((await send(method, freshHeaders())).refusal, undefined);
  });

  it('are refused by name with any invalid character in them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...METHOD_NAMES),
        obligatory,
        alien,
        fc.nat({ max: 20 }),
        async (method, name, injected, at) => {
          const headers = freshHeaders();
          const value = headers[name] ?? '';
          const where = Math.min(at, value.length);
          headers[name] = value.slice(0, where) + injected + value.slice(where);
          const { refusal } = await send(method, headers);
          assert.ok(refusal?.startsWith(`the header of the request is malformed: ${name}: `), refusal);
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('are refused with any text instead of one of them, unless it is equally valid', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...REPEATABLE), obligatory, anyText, async (method, name, value) => {
        await send(method, { ...freshHeaders(), [name]: value });
      }),
      { numRuns: RUNS },
    );
  });

  it('are refused when one is missing, and ignored when they are unknown', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...REPEATABLE),
        fc.subarray(OBLIGATORY),
        fc.dictionary(anyText, anyText, { maxKeys: 3 }),
        async (method, kept, others) => {
          const ours = Object.entries(freshHeaders()).filter(([name]) => kept.includes(name));
          const { refusal } = await send(method, { ...others, ...Object.fromEntries(ours) });
          if (kept.length === OBLIGATORY.length) assert.equal(refusal, undefined);
          else assert.match(refusal ?? '', /^the header of the request is malformed: berth-[a-z-]+: /);
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('may contain anything about routes and name servers, which only influence the choice of a subnet', async () => {
    const text = fc.oneof(
      anyText,
      fc.array(fc.oneof(anyText, fc.constantFrom('10.0.0.0/8', '0.0.0.0/0', '::/0', '1.1.1.1')), { maxLength: 20 }),
      fc.constantFrom('10.0.0.0/8,'.repeat(5_000), ','.repeat(50_000), '::/'.repeat(20_000)),
    );
    let given = 0;
    await fc.assert(
      fc.asyncProperty(text, text, async (routes, nameservers) => {
        const headers = { ...freshHeaders(), 'berth-routes': String(routes), 'berth-nameservers': String(nameservers) };
        const { refusal } = await send('RequestPool', headers);
        if (refusal === undefined) given++;
        else assert.match(refusal, /^all predefined address pools have been fully subnetted: /);
      }),
      { numRuns: 60 },
    );
    assert.ok(given > 0, 'no pool was given');
  });
});

describe('a call in the name of another host', () => {
  it('gets nothing from a network that is not its own, and ends nothing of it', async () => {
    await border.succeed('RequestAddress', { PoolID: poolId, Address: '', Options: MAC });
    for (const method of ['RequestAddress', 'ReleaseAddress', 'ReleasePool'] as const) {
      for (const host of ['web-2', 'web-10', 'Web-1', 'web-1.', 'web', 'web-1-']) {
        const { refusal } = await send(method, freshHeaders(host));
        assert.match(
          refusal ?? '',
          /^invalid pool id: the network 10\.1\.0\.0\/16 \(\w+\) belongs to another host, not to/,
        );
      }
    }
  });
});

describe('the headers of a handshake', () => {
  const PATHS = ['/Berth.Handshake', '/IpamDriver.GetCapabilities', '/IpamDriver.GetDefaultAddressSpaces'];

  it('get an answer or are refused by name, with any body', async () => {
    const inputs = fc.record({
      path: fc.constantFrom(...PATHS),
      driver: fc.oneof(fc.constantFrom('berth', 'berth-ipvlan'), anyText),
      space: fc.oneof(fc.constantFrom('default', 'prod'), anyText),
      body: anyText,
    });
    await tryAll(
      inputs,
      async ({ path, driver, space, body }) => {
        const headers = { 'berth-driver': driver, 'berth-space': space };
        const answer = await border.send('capabilities', path, { headers, body });
        const clear = /^the header of the request is malformed: berth-(driver|space): /;
        if (answer.refusal !== undefined) assert.match(answer.refusal, clear);
        return answer;
      },
      RUNS,
    );
  });
});
