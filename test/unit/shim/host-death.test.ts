/** What an operator sees and confirms before a host is declared dead. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Message } from '../../../shim/cloud/client.ts';
import type { Verdict } from '../../../shim/cloud/verdict.ts';
import type { HostView } from '../../../protocol/operator-messages.ts';
import { type Death, describeHost, endFormer, endHost, hostJson } from '../../../shim/commands/host-death.ts';
import { type Endpoint, parseEndpoint } from '../../../shim/endpoint.ts';
import { UserError } from '../../../shim/user-error.ts';
import { answered } from './stand-ins.ts';

const HOST: HostView = {
  Host: 'web-1',
  State: 'fenced',
  Why: '',
  Principal: 'arn:aws:iam::123456789012:user/web',
  LastSeen: '2026-01-01T00:00:00.000Z',
  SilentSeconds: 7_300,
  LeaseUntil: '2026-01-01T00:30:00.000Z',
  InLease: false,
  Networks: [{ Space: 'default', Pool: '10.1.0.0/24', Addresses: 3, IsAll: true }],
  IsAll: true,
};

/** Declares such a host dead. @returns what was sent, shown and asked. */
async function end(host: Partial<HostView>, death: Partial<Death>, reply?: string, how = endHost) {
  const sent: string[] = [];
  const [told, questions]: [string[], string[]] = [[], []];
  const ask = (_: Endpoint, { path, body }: Message): Promise<Verdict> => {
    if (path === '/Berth.HostState') sent.push(body.toString().replace(/"Key":"[0-9a-f]{24}"/, '"Key":"KEY"'));
    if (path === '/Berth.Handshake') return Promise.resolve(answered({ Functions: { Console: 'unix:/run/c.sock' } }));
    return Promise.resolve(answered({ Outcome: 'done', ...HOST, ...host }));
  };
  const answer = (question: string): Promise<string> => {
    questions.push(question);
    return Promise.resolve(reply ?? '');
  };
  const error = await how(
    { cloud: { ask }, endpoint: parseEndpoint('unix:/run/capabilities.sock') },
    { host: 'web-1', why: 'it burns', overrideLease: false, yes: false, ...death },
    { tell: (text) => told.push(text), ask: reply === undefined ? undefined : answer },
  ).then(
    () => undefined,
    (reason: unknown) => (reason instanceof UserError ? reason.message : assert.fail(String(reason))),
  );
  return { sent, told, questions, error };
}

const DEAD = '{"Host":"web-1","State":"dead","Why":"it burns","Key":"KEY"}';

describe('declaring dead the machine that was a host before', () => {
  const FORMER = DEAD.replace('"dead"', '"former-dead"');

  it('shows the host, and asks for confirmation at a terminal', async () => {
    const { sent, told, questions, error } = await end({ InLease: true }, {}, 'web-1', endFormer);
    assert.deepEqual([sent, told, error], [[FORMER], [describeHost({ ...HOST, InLease: true })], undefined]);
    assert.match(questions[0] ?? '', /^All that the machine held that was this host before is freed within minutes/);
  });

  it('does nothing without confirmation, or without a terminal', async () => {
    const [other, nobody] = [await end({}, {}, 'yes', endFormer), await end({}, {}, undefined, endFormer)];
    assert.deepEqual([other.sent, other.error], [[], 'that is not web-1; nothing was changed']);
    assert.deepEqual([nobody.sent, (nobody.error ?? '').includes('add --yes')], [[], true]);
  });

  it('needs no confirmation with --yes', async () => {
    assert.deepEqual((await end({}, { yes: true }, undefined, endFormer)).sent, [FORMER]);
  });
});

describe('declaring a host dead', () => {
  it('shows the host and asks at a terminal, and the answer is its id', async () => {
    const { sent, told, questions, error } = await end({}, {}, ' web-1 ');
    assert.deepEqual([sent, told, error], [[DEAD], [describeHost(HOST)], undefined]);
    assert.match(questions.join(), /is freed at once.*\nType the id of the host to continue: $/);
  });

  for (const reply of ['', 'y', 'yes', 'web-2']) {
    it(`does nothing when the answer is ${JSON.stringify(reply)}`, async () => {
      const { sent, error } = await end({}, {}, reply);
      assert.deepEqual([sent, error], [[], 'that is not web-1; nothing was changed']);
    });
  }

  it('asks nothing with --yes, or when the host is dead already', async () => {
    assert.deepEqual((await end({}, { yes: true })).sent, [DEAD]);
    assert.deepEqual((await end({ State: 'dead' }, {})).sent, [DEAD]);
  });

  it('while its lease runs needs --override-lease, which the message carries, and also a confirmation', async () => {
    const host = { State: 'live', InLease: true } as const;
    assert.match((await end(host, { yes: true })).error ?? '', /its lease runs until .* add --override-lease$/);
    const told = await end(host, { overrideLease: true });
    assert.match(told.error ?? '', /without a terminal/);
    const { sent } = await end(host, { overrideLease: true }, 'web-1');
    assert.deepEqual(sent, [DEAD.replace('}', ',"OverrideLease":true}')]);
  });
});

describe('the description of a host', () => {
  it('has its state, its last sign of life, and what it holds', () => {
    assert.equal(
      describeHost(HOST),
      [
        'host       web-1',
        'state      fenced',
        'bound to   arn:aws:iam::123456789012:user/web',
        'last seen  2026-01-01T00:00:00.000Z, 2 h ago',
        'lease      ended 2026-01-01T00:30:00.000Z',
        'networks   1',
        'addresses  3',
        '           10.1.0.0/24 of space default: 3 leased',
      ].join('\n'),
    );
  });

  it('is JSON for programs', () => {
    assert.deepEqual(hostJson(HOST), {
      id: 'web-1',
      state: 'fenced',
      why: '',
      principal: 'arn:aws:iam::123456789012:user/web',
      lastSeen: '2026-01-01T00:00:00.000Z',
      silentSeconds: 7_300,
      leaseUntil: '2026-01-01T00:30:00.000Z',
      isInLease: false,
      shimVersion: '',
      engineVersion: '',
      health: null,
      networks: [{ space: 'default', pool: '10.1.0.0/24', addresses: 3, isAll: true }],
      isAll: true,
    });
  });

  it('says how it is, if its shim says so', () => {
    const Health = {
      Status: 'degraded' as const,
      Reason: 'it drains',
      Waiting: 3,
      DeadLetters: 1,
      Findings: 2,
      ComparedAt: null,
      Refused: 9,
      LastRefusal: 'full',
    };
    const lines = describeHost({ ...HOST, Health }).split('\n');
    for (const line of [
      'health     degraded (it drains)',
      'journal    3 calls wait, 1 dead letters',
      'compared   not yet, or it failed',
      'refused    9 calls, the last: full',
    ])
      assert.ok(lines.includes(line), line);
  });

  it('says where the count stops, and what is not shown', () => {
    const network = { Space: 'ci', Pool: '10.0.0.0/8', Addresses: 2, IsAll: false };
    const text = describeHost({ ...HOST, Networks: Array.from({ length: 22 }, () => network), IsAll: false });
    assert.match(text, /^networks {3}22 or more$/m);
    assert.match(text, /^addresses {2}44 or more$/m);
    assert.match(text, /^ +10\.0\.0\.0\/8 of space ci: 2 or more leased\n +and 2 more$/m);
    assert.equal(text.match(/of space ci/g)?.length, 20);
  });
});
