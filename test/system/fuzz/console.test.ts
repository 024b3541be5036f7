/** Requests to the operators' function: one that is invalid or not allowed must change nothing. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { anyText, messageOf, texts } from './support/arbitraries.ts';
import { refusesAnything, refusesOversized, tryAll, tryReading } from './support/attempts.ts';
import { type Answer, type Border, type Event, openBorder } from './support/border.ts';

const RUNS = 100;
const PATHS = ['/Berth.Host', '/Berth.HostState', '/Berth.Space', '/Berth.SetSpace'] as const;

let border: Border;

before(async () => {
  border = await openBorder();
  await border.succeed('RequestPool', { AddressSpace: 'held', Pool: '10.1.0.0/24' });
});

after(() => border.close());

const send = (path: string, event: Event): Promise<Answer> => border.send('console', path, event);

describe('an invalid message to the console', () => {
  for (const path of PATHS) {
    it(`is refused at ${path}: any bytes, and any JSON without a valid field`, async () => {
      await refusesAnything((event) => send(path, event), RUNS);
    });

    it(`is refused at ${path}: oversized values, and unlimited nesting`, async () => {
      await refusesOversized((event) => send(path, event), 65_536, 'Space');
    });
  }
});

const quoted = anyText.map((text) => JSON.stringify(text));
const spaceName = fc.oneof({ weight: 6, arbitrary: texts('default', 'ci', 'held') }, quoted);

describe('a declaration about a host', () => {
  it('with random fields changes nothing where there is no such host', async () => {
    const fields = {
      Host: fc.oneof({ weight: 6, arbitrary: texts('web-9', 'i-0123456789abcdef9') }, quoted),
      State: texts('dead', 'draining', 'live', 'adopted'),
      Key: fc.oneof({ weight: 6, arbitrary: texts('0123456789abcdef', 'said-once-more') }, quoted),
      Why: fc.oneof(texts('', 'it burns'), quoted),
      Principal: fc.oneof(texts('arn:aws:iam::123456789012:user/heir', '*'), quoted),
      OverrideLease: fc.constantFrom('true', 'false', '1'),
    };
    await tryReading((event) => send('/Berth.HostState', event), messageOf(fields), 3 * RUNS);
  });
});

describe('a space,', () => {
  it('read with random fields, is shown and stays unchanged', async () => {
    await tryReading((event) => send('/Berth.Space', event), messageOf({ Space: spaceName }), 3 * RUNS);
  });

  const prefix = fc.oneof(
    { weight: 6, arbitrary: texts('10.64.0.0/16', '10.1.0.0/16', '10.65.0.0/16', 'fd01::/48', '10.64.9.0/30') },
    quoted,
  );
  const list = fc.array(prefix, { maxLength: 3 }).map((parts) => `[${parts.join()}]`);
  const number = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('24', '26', '80', '5000', '60000', '0') },
    fc.constantFrom('-1', '0.5', '1e400', '9007199254740993', 'null'),
  );
  const settings = messageOf({
    Ranges: fc.oneof(list, fc.constant('null')),
    Size4: number,
    Size6: number,
    Excluded: list,
    Cooldown: number,
    ForgetAfter: number,
    MaxPools: number,
    MaxNetworksPerHost: number,
    Widest4: number,
    Widest6: number,
    GivenOutside: fc.constantFrom('true', 'false', 'null', '0'),
    MaxHostsPerPrincipal: number,
  });
  const few = fc.oneof(
    settings,
    ...['Size4', 'Cooldown', 'MaxPools', 'ForgetAfter'].map((name) => number.map((value) => `{"${name}":${value}}`)),
    list.map((value) => `{"Excluded":${value}}`),
  );
  // A change depends on the settings that it has read: most of these spaces were never set.
  const fresh = fc.oneof({ weight: 6, arbitrary: fc.nat(500).map((number) => `"s${number}"`) }, spaceName);
  const message = messageOf({
    Space: fresh,
    Set: few,
    IfRev: fc.oneof({ weight: 6, arbitrary: fc.constant('""') }, quoted),
    Force: fc.constantFrom('true', 'false'),
  });

  it('written with random fields, is set or clearly refused, and can still be read afterwards', async () => {
    await tryAll(message, (body) => send('/Berth.SetSpace', { body }), 3 * RUNS);
    for (const Space of ['default', 'ci', 'held', ...Array.from({ length: 501 }, (_, i) => `s${i}`)]) {
      assert.equal((await send('/Berth.Space', { body: JSON.stringify({ Space }) })).refusal, undefined);
    }
  });
});
