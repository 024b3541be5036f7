/** Valid credentials of one host, used for another host or its networks: refused and logged, and nothing has changed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Key } from '../../../infra/local/keyring.ts';
import { type Path, callHeaders, sign } from './support/requests.ts';
import {
  type Holdings,
  MALLORY,
  VICTIM,
  errorOf,
  granted,
  held as victim,
  holdings,
  methodsOn,
  stage,
  useStage,
} from './support/stage.ts';

const WEB = 'web-1';

/** What a host that is not an instance holds, and what Mallory, a host of the same fleet, holds. */
let web: Holdings;
let mallory: Holdings;

useStage(async () => {
  web = await holdings(stage, WEB, stage.keys.user, '10.2.0.0/24');
  mallory = await holdings(stage, MALLORY, stage.keys.mallory, '10.1.0.0/24');
});

interface Attack {
  readonly host: string;
  readonly key: Key;
  readonly path: Path;
  readonly message: object;
}

/** @returns the message of the refusal. */
async function refused(code: string, { host, key, path, message }: Attack, bound?: string): Promise<string> {
  const headers = callHeaders(host);
  const { answer, lines } = await stage.attack(sign({ path, message, headers }, { key }));
  assert.deepEqual([answer.status, answer.headers['berth-refusal']], [200, code], answer.body);
  assert.equal(lines.length, 1);
  const [line = {}] = lines;
  const told = [line['level'], line['code'], line['method'], line['host'], line['request'], line['principal']];
  assert.deepEqual(told, ['warn', code, path, host, headers['berth-request'], key.userArn]);
  assert.equal(line['bound'], bound);
  return errorOf(answer);
}

const PLACES = [
  ['an instance', VICTIM, () => victim, 'arn:aws:sts::123456789012:assumed-role/berth-host/i-0123456789abcdef0'],
  ['a host of a user', WEB, () => web, 'arn:aws:iam::123456789012:user/web'],
] as const;

/** Functions that have just served the victim, and so know it, or that never have. */
for (const [what, host, holdingsOf, bound] of PLACES) {
  for (const [who, name] of [
    ['another instance', 'mallory'],
    ['a session of the role on no instance', 'stray'],
  ] as const) {
    describe(`in the name of ${what}, ${who}`, () => {
      for (const [number, [path]] of methodsOn({ poolId: '', address: '', poolKey: '', addressKey: '' }).entries()) {
        it(`is refused ${path} (${number})`, async () => {
          const [, message = {}] = methodsOn(holdingsOf())[number] ?? [];
          const words = await refused('foreign-host', { host, key: stage.keys[name], path, message }, bound);
          assert.ok(words.startsWith(`host ${host} is bound to ${bound}, but this call is signed by `), words);
        });
      }

      it("is refused /Berth.Register, with the host's networks or without any", async () => {
        for (const Incarnation of [`nonce-${host}`, null]) {
          const message = { Incarnation, Proposed: 'nonce-mallory', ShimVersion: '1' };
          await refused('foreign-host', { host, key: stage.keys[name], path: '/Berth.Register', message }, bound);
        }
      });
    });
  }
}

describe("a host that uses another host's network in its own name", () => {
  for (const [number, path] of [
    [2, '/IpamDriver.RequestAddress'],
    [3, '/IpamDriver.ReleaseAddress'],
    [4, '/IpamDriver.ReleasePool'],
    [6, '/Berth.Settle'],
    [7, '/Berth.Holdings'],
    [8, '/Berth.Revive'],
  ] as const) {
    it(`is refused ${path}`, async () => {
      const [, message = {}] = methodsOn(victim)[number] ?? [];
      const words = await refused('foreign-pool', { host: MALLORY, key: stage.keys.mallory, path, message });
      assert.match(
        words,
        /^invalid pool id: the network 10\.1\.0\.0\/24 \(\w+\) belongs to another host, not to i-0fed/,
      );
    });
  }

  it("cannot settle another host's RequestPool: it finds nothing of its own", async () => {
    const [path, message] = methodsOn(victim)[5] ?? assert.fail();
    const headers = callHeaders(MALLORY);
    const { answer } = await stage.attack(sign({ path, message, headers }, { key: stage.keys.mallory }));
    assert.deepEqual(granted(answer), {});
  });
});

describe('a host id that is an instance id', () => {
  it('can be registered first only by that instance', async () => {
    const free = 'i-00000000000000abc';
    for (const key of [stage.keys.mallory, stage.keys.stray]) {
      const message = { Proposed: 'nonce-squatter', ShimVersion: '1' };
      const words = await refused('foreign-host', { host: free, key, path: '/Berth.Register', message });
      assert.match(words, /^i-00000000000000abc is the id of an EC2 instance/);
    }
  });
});

describe('a host that never registered', () => {
  for (const [number, [path]] of methodsOn({ poolId: '', address: '', poolKey: '', addressKey: '' }).entries()) {
    it(`is refused ${path} (${number}), and told to register`, async () => {
      const [, message = {}] = methodsOn(mallory)[number] ?? [];
      const headers = callHeaders('new-1');
      const { answer, lines } = await stage.attack(sign({ path, message, headers }, { key: stage.keys.mallory }));
      assert.equal(answer.headers['berth-refusal'], 'host-unknown');
      assert.equal(lines[0]?.['code'], 'host-unknown');
    });
  }
});

describe('the console', () => {
  for (const [path, message] of [
    ['/Berth.Host', { Host: VICTIM }],
    ['/Berth.Space', { Space: 'default' }],
    ['/Berth.SetSpace', { Space: 'default', Set: { Size4: 28 }, IfRev: '' }],
  ] as const) {
    it(`is closed to instances: ${path}`, async () => {
      const words = await refused('foreign-host', { host: MALLORY, key: stage.keys.mallory, path, message });
      assert.match(words, /is an EC2 instance; only an operator may use this function/);
    });
  }

  for (const State of ['dead', 'draining', 'live', 'adopted']) {
    it(`is closed to instances, whatever their policy allows: ${State}, for another host or itself`, async () => {
      for (const Host of [VICTIM, WEB, MALLORY]) {
        const message = { Host, State, Key: 'key-of-mallory' };
        const attack = { host: MALLORY, key: stage.keys.mallory, path: '/Berth.HostState', message } as const;
        assert.match(
          await refused('foreign-host', attack),
          /is an EC2 instance; only an operator may use this function/,
        );
      }
    });
  }
});

describe('the viewer', () => {
  for (const [path, message] of [
    ['/Berth.ViewSpaces', {}],
    ['/Berth.ViewUsage', { Space: 'default' }],
    ['/Berth.ViewPools', { Space: 'default' }],
    ['/Berth.ViewPool', { Space: 'default', Pool: '10.1.0.0/24' }],
    ['/Berth.ViewAddresses', { Space: 'default', Pool: '10.1.0.0/24' }],
    ['/Berth.ViewAddress', { Space: 'default', Address: '10.1.0.1' }],
    ['/Berth.ViewAddressAt', { Space: 'default', Address: '10.1.0.1', At: 1_700_000_000 }],
    ['/Berth.ViewFind', { Space: 'default', Text: VICTIM }],
    ['/Berth.ViewFree', { Space: 'default', Pool: '10.1.0.0/24' }],
    ['/Berth.ViewFreeSubnets', { Space: 'default', Family: 4 }],
    ['/Berth.ViewHosts', {}],
    ['/Berth.ViewHost', { Host: VICTIM }],
    ['/Berth.ViewHost', { Host: MALLORY }],
    ['/Berth.ViewSpace', { Space: 'default' }],
  ] as const) {
    it(`is closed to instances, whatever their policy allows: ${path} ${JSON.stringify(message)}`, async () => {
      for (const [host, key] of [
        [MALLORY, stage.keys.mallory],
        [VICTIM, stage.keys.victim],
      ] as const) {
        const words = await refused('foreign-host', { host, key, path, message });
        assert.match(words, /is an EC2 instance; only a viewer may use this function/);
      }
    });
  }
});

describe('the check', () => {
  it('is closed to instances, whatever their policy allows', async () => {
    for (const [host, key] of [
      [MALLORY, stage.keys.mallory],
      [VICTIM, stage.keys.victim],
    ] as const) {
      const words = await refused('foreign-host', { host, key, path: '/Berth.Check', message: {} });
      assert.match(words, /is an EC2 instance; only an operator may use this function/);
    }
  });
});

it('each host has what it had after all these attacks', async () => {
  for (const [host, key, { poolId, address }] of [
    [VICTIM, stage.keys.victim, victim],
    [WEB, stage.keys.user, web],
    [MALLORY, stage.keys.mallory, mallory],
  ] as const) {
    const named = { PoolID: poolId, Address: address };
    await stage.call(host, key, '/IpamDriver.ReleaseAddress', named);
    const { Address } = await stage.call(host, key, '/IpamDriver.RequestAddress', named);
    assert.equal(Address, `${address}/24`);
  }
});
