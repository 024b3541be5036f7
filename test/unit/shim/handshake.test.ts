import assert from 'node:assert/strict';
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, describe, it } from 'node:test';
import type { Message } from '../../../shim/cloud/client.ts';
import type { Verdict } from '../../../shim/cloud/verdict.ts';
import { type Endpoint, parseEndpoint } from '../../../shim/endpoint.ts';
import { type HandshakeSettings, Handshakes } from '../../../shim/host/handshake.ts';
import { UserError } from '../../../shim/user-error.ts';
import { failureOf, refusalOf } from './stand-ins.ts';
import { settled } from './steered-time.ts';
import { temporaryFolder } from './temporary.ts';

const handshakeOf = (pools: string, isMacRequired = true): Verdict => ({
  kind: 'answered',
  text: JSON.stringify({
    Capabilities: { RequiresMACAddress: isMacRequired, RequiresRequestReplay: false },
    AddressSpaces: { LocalDefaultAddressSpace: 'blue', GlobalDefaultAddressSpace: 'blue.global' },
    Functions: { Pools: pools, Addresses: 'unix:/run/a.sock', Hosts: 'unix:/run/h.sock' },
  }),
  refusal: undefined,
  granted: undefined,
});

const HERE = handshakeOf('unix:/run/here.sock');
const THERE = handshakeOf('unix:/run/there.sock');
const STRANGE: Verdict = { kind: 'answered', text: '{"hello":"world"}', refusal: undefined, granted: undefined };
const AWAY = failureOf('nobody listens');

interface Stage {
  readonly settings: HandshakeSettings;
  readonly asked: Message[];
  readonly warnings: string[];
  readonly open: (wish?: Partial<HandshakeSettings>) => Promise<Handshakes>;
  /** What the function returns from now on. */
  says: Verdict | Promise<Verdict>;
  now: number;
}

async function stage(t: TestContext, says: Verdict | Promise<Verdict>): Promise<Stage> {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const [asked, warnings]: [Message[], string[]] = [[], []];
  const settings: HandshakeSettings = {
    endpoint: parseEndpoint('unix:/run/capabilities.sock'),
    driver: 'berth',
    space: 'blue',
    folder: await temporaryFolder(t),
    warn: (message) => warnings.push(message),
    now: () => self.now,
  };
  const ask = async (_: Endpoint, message: Message): Promise<Verdict> => {
    asked.push(message);
    return self.says;
  };
  const open = async (wish: Partial<HandshakeSettings> = {}): Promise<Handshakes> => {
    const handshakes = await Handshakes.open({ ask }, { ...settings, ...wish });
    t.after(() => {
      handshakes.close();
    });
    return handshakes;
  };
  const self: Stage = { settings, asked, warnings, open, says, now: 0 };
  return self;
}

const poolsOf = ({ current }: Handshakes): string | undefined => current.functions?.pools.text;

describe('the handshake', () => {
  it('is what the capabilities function returns for this driver and space', async (t) => {
    const { open, asked } = await stage(t, HERE);
    const { current } = await open();
    assert.deepEqual(current.capabilities, { RequiresMACAddress: true, RequiresRequestReplay: false });
    assert.equal(current.addressSpaces.LocalDefaultAddressSpace, 'blue');
    assert.equal(current.functions?.pools.text, 'unix:/run/here.sock');
    const headers = { 'berth-driver': 'berth', 'berth-space': 'blue' };
    assert.partialDeepStrictEqual(asked, [{ path: '/Berth.Handshake', headers }]);
  });

  it('is assumed while the function does not answer', async (t) => {
    const self = await stage(t, AWAY);
    const [bridge, ipvlan] = [await self.open(), await self.open({ driver: 'berth-ipvlan' })];
    assert.deepEqual(
      [bridge, ipvlan].map(({ current }) => current.capabilities.RequiresMACAddress),
      [true, false],
    );
    assert.deepEqual(bridge.current.addressSpaces, {
      LocalDefaultAddressSpace: 'blue',
      GlobalDefaultAddressSpace: 'blue.global',
    });
    assert.equal(bridge.current.functions, undefined);
    assert.match(self.warnings[0] ?? '', /nobody listens; no network or container can be served until it answers/);
    self.says = HERE;
    self.now += 5_000;
    t.mock.timers.tick(5_000);
    await settled();
    assert.equal(poolsOf(bridge), 'unix:/run/here.sock');
  });

  it('with something other than Berth keeps the shim from starting', async (t) => {
    for (const strange of [STRANGE, refusalOf('no such space')]) {
      const { open } = await stage(t, strange);
      await assert.rejects(
        open(),
        (error) =>
          error instanceof UserError &&
          error.message.startsWith('unexpected response from unix:/run/capabilities.sock, not from Berth: {'),
      );
      t.mock.timers.reset();
    }
  });

  it('that names no endpoint keeps the shim from starting', async (t) => {
    const { open } = await stage(t, handshakeOf('ftp://example.org'));
    await assert.rejects(open(), { constructor: UserError, message: /^bad endpoint "ftp:\/\/example.org"/ });
  });

  it('with something other than Berth later on is logged, and changes nothing', async (t) => {
    const self = await stage(t, HERE);
    const handshakes = await self.open();
    const before = handshakes.current;
    self.says = STRANGE;
    self.now += 10_000;
    await handshakes.renew();
    assert.equal(handshakes.current, before);
    assert.match(
      self.warnings.join(),
      /^unexpected response from unix:.*, not from Berth: {"hello":"world"}; the last known answer is used$/,
    );
  });
});

describe('a stored handshake', () => {
  it('is used at once where the function does not answer', async (t) => {
    const self = await stage(t, HERE);
    (await self.open()).close();
    self.says = AWAY;
    assert.equal(poolsOf(await self.open()), 'unix:/run/here.sock');
    assert.equal(self.asked.length, 1);
  });

  it('is renewed at once in the background', async (t) => {
    const self = await stage(t, HERE);
    (await self.open()).close();
    self.says = THERE;
    self.now += 10_000;
    const handshakes = await self.open();
    t.mock.timers.tick(1);
    await settled();
    assert.equal(poolsOf(handshakes), 'unix:/run/there.sock');
  });

  const others: readonly [string, Partial<HandshakeSettings>][] = [
    ['endpoint', { endpoint: parseEndpoint('unix:/run/other.sock') }],
    ['space', { space: 'red' }],
    ['driver', { driver: 'berth-ipvlan' }],
  ];
  for (const [what, wish] of others) {
    it(`is not used for another ${what}`, async (t) => {
      const self = await stage(t, HERE);
      (await self.open()).close();
      self.says = AWAY;
      assert.equal(poolsOf(await self.open(wish)), undefined);
    });
  }

  for (const text of ['', '{', '{"key":"unix:/run/capabilities.sock blue","answer":"{}"}', '[]']) {
    it(`is not used when its file is damaged: ${text}`, async (t) => {
      const self = await stage(t, THERE);
      writeFileSync(path.join(self.settings.folder, 'handshake-berth.json'), text);
      assert.equal(poolsOf(await self.open()), 'unix:/run/there.sock');
    });
  }

  it('is stored later when the first write fails', async (t) => {
    const self = await stage(t, HERE);
    const inTheWay = path.join(self.settings.folder, 'handshake-berth.json.new');
    mkdirSync(inTheWay);
    const handshakes = await self.open();
    assert.match(self.warnings.join(), /^cannot keep the handshake in /);
    rmdirSync(inTheWay);
    const before = handshakes.current;
    self.now += 10_000;
    await handshakes.renew();
    assert.equal(handshakes.current, before);
    self.says = AWAY;
    assert.equal(poolsOf(await self.open()), 'unix:/run/here.sock');
  });
});

describe('a handshake that is renewed', () => {
  it('leaves existing connections when the answer is the same', async (t) => {
    const self = await stage(t, HERE);
    const handshakes = await self.open();
    const before = handshakes.current.functions;
    self.now += 10_000;
    await handshakes.renew();
    assert.equal(self.asked.length, 2);
    assert.equal(handshakes.current.functions, before);
    self.says = THERE;
    self.now += 10_000;
    await handshakes.renew();
    assert.equal(poolsOf(handshakes), 'unix:/run/there.sock');
  });

  it('is requested once for all callers that need it at the same time, and not again right after', async (t) => {
    const self = await stage(t, HERE);
    const handshakes = await self.open();
    self.now += 10_000;
    const answer = Promise.withResolvers<Verdict>();
    self.says = answer.promise;
    const renewals = Array.from({ length: 20 }, () => handshakes.renew());
    self.now += 4_000;
    renewals.push(handshakes.renew());
    answer.resolve(THERE);
    await Promise.all(renewals);
    assert.equal(self.asked.length, 2);
    await handshakes.renew();
    self.now += 1_999;
    await handshakes.renew();
    assert.equal(self.asked.length, 3);
    self.now += 1;
    await handshakes.renew();
    assert.equal(self.asked.length, 4);
  });

  it('is requested every hour until it is closed', async (t) => {
    const self = await stage(t, HERE);
    const handshakes = await self.open();
    for (let i = 2; i < 5; i++) {
      self.now += 3_600_000;
      t.mock.timers.tick(3_600_000);
      await settled();
      assert.equal(self.asked.length, i);
    }
    const answer = Promise.withResolvers<Verdict>();
    self.says = answer.promise;
    self.now += 3_600_000;
    t.mock.timers.tick(3_600_000);
    handshakes.close();
    answer.resolve(HERE);
    await settled();
    self.now += 3_600_000;
    t.mock.timers.tick(3_600_000);
    await settled();
    assert.equal(self.asked.length, 5);
  });
});
