/** Requests about a host's holdings: reading changes nothing, and a revival takes nothing from another host. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { anyText, messageOf, texts } from './support/arbitraries.ts';
import { refusesAnything, tryAll, tryReading } from './support/attempts.ts';
import { type Answer, type Border, type Event, freshHeaders, openBorder } from './support/border.ts';

const RUNS = 100;
const PATHS = ['/Berth.Networks', '/Berth.Holdings', '/Berth.Revive'] as const;
const SUBNET = '10.1.0.0/24';
const THEIRS = '10.1.0.77';
const mac = (last: string) => ({ 'com.docker.network.endpoint.macaddress': `02:42:ac:11:00:${last}` });

let border: Border;
/** The networks of two hosts on one subnet. */
let ours: string;
let theirs: string;

before(async () => {
  border = await openBorder();
  const wish = { AddressSpace: 'default', Pool: SUBNET };
  ours = String((await border.succeed('RequestPool', wish))['PoolID']);
  theirs = String((await border.succeed('RequestPool', wish, freshHeaders('web-2')))['PoolID']);
  await border.succeed('RequestAddress', { PoolID: ours, Options: mac('01') });
  const taken = { PoolID: theirs, Address: THEIRS, Options: mac('02') };
  await border.succeed('RequestAddress', taken, freshHeaders('web-2'));
});

after(() => border.close());

const send = (path: string, event: Event): Promise<Answer> =>
  border.send('hosts', path, { headers: freshHeaders(), ...event });

const asText = anyText.map((text) => JSON.stringify(text));
const listOf = (item: fc.Arbitrary<string>, maxLength = 4): fc.Arbitrary<string> =>
  fc.array(item, { maxLength }).map((items) => `[${items.join()}]`);
/** Addresses of the subnet, of no subnet, and malformed ones. */
const address = fc.oneof(
  { weight: 4, arbitrary: texts('10.1.0.1', '10.1.0.5', '10.1.0.9', '10.1.0.254', THEIRS) },
  { weight: 1, arbitrary: texts('10.1.0.0', '10.1.0.255', '10.2.0.1', 'fd00::1', '::ffff:10.1.0.5') },
  { weight: 1, arbitrary: asText },
);
const known = fc.constant(null).map(() => JSON.stringify(ours));
const poolId = fc.oneof(
  { weight: 6, arbitrary: known },
  fc.constant(null).map(() => JSON.stringify(theirs)),
  asText,
);

describe('an invalid request for the holdings of a host', () => {
  for (const path of PATHS) {
    it(`is refused at ${path}: any bytes, and any JSON without a valid field`, async () => {
      await refusesAnything((event) => send(path, event), RUNS);
    });
  }
});

describe("a request for a host's holdings", () => {
  it('is answered or refused for any start of the list, and nothing changes', async () => {
    const part = fc.oneof({ weight: 3, arbitrary: texts('000000000001', 'abcdefgh000000', '0mjuohs00abcd') }, asText);
    const place = messageOf({ generation: part, name: part, requestKey: part });
    const after = fc.oneof({ weight: 1, arbitrary: fc.constant('null') }, { weight: 4, arbitrary: place });
    await tryReading(
      (event) => send('/Berth.Networks', event),
      messageOf({ After: after, Known: listOf(part) }),
      2 * RUNS,
    );
  });

  it('is answered or refused for any fields, and nothing changes', async () => {
    const fields = {
      PoolID: poolId,
      Addresses: listOf(address),
      After: fc.oneof(fc.constant('null'), texts('0', '3', '4096', '999999999999'), asText),
      Further: listOf(poolId),
    };
    await tryReading((event) => send('/Berth.Holdings', event), messageOf(fields), 2 * RUNS);
  });
});

describe('a revival', () => {
  const endpoint = messageOf({
    Address: address,
    MacAddress: fc.oneof({ weight: 3, arbitrary: texts('', '02:42:ac:11:00:03') }, asText),
    Name: fc.oneof(texts('', 'web'), asText),
  });
  const fields = {
    PoolID: poolId,
    Gateway: fc.oneof(fc.constant('null'), address),
    Reserved: listOf(address, 2),
    Held: listOf(endpoint, 3),
    Last: fc.constantFrom('true', 'true', 'false'),
  };

  it('of a network that has not ended changes nothing', async () => {
    await tryReading((event) => send('/Berth.Revive', event), messageOf(fields), 2 * RUNS);
  });

  it('of a network that has ended is carried out or refused, and takes nothing from another host', async () => {
    await border.succeed('ReleasePool', { PoolID: ours });
    const revive = async (body: string): Promise<Answer> => {
      const revived = await send('/Berth.Revive', { body });
      if (revived.refusal !== undefined) return revived;
      const wanted = { body: JSON.stringify({ PoolID: ours, Address: THEIRS, Options: mac('04') }) };
      const { refusal } = await border.call('RequestAddress', wanted);
      assert.match(refusal ?? '', /^Address already in use: .* held by .* of host web-2 |being restored/);
      await border.succeed('ReleasePool', { PoolID: ours });
      return revived;
    };
    await tryAll(messageOf(fields), revive, 2 * RUNS);
  });
});
