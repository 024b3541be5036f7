/** The proxy and the lying upstream behave as described. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as v from 'valibot';
import type { Rule } from '../../../support/fault-proxy.ts';
import { portal, text } from '../../../support/wire-answers.ts';
import { ANSWER, POOL, bench, broken, useBench } from './bench.ts';

const handshake = v.pipe(v.string(), v.parseJson(), v.object({ Functions: v.record(v.string(), v.string()) }));

useBench();

describe('the proxy', () => {
  it('passes a request and its answer unchanged', async () => {
    const { status, body } = await bench.post(POOL, 2);
    assert.deepEqual([status, body], [200, ANSWER]);
    const [seen] = bench.upstream.heard;
    assert.deepEqual([seen?.path, seen?.body, seen?.headers['berth-attempt']], [POOL, '{"a":1}', '2']);
    const [passage, ...others] = bench.proxy.passages;
    assert.deepEqual(others, []);
    const { headers, answer, ...rest } = passage ?? assert.fail();
    assert.deepEqual(rest, {
      path: POOL,
      attempt: 2,
      requestKey: 'key',
      body: '{"a":1}',
      fault: undefined,
      delivered: 1,
    });
    assert.equal(headers['berth-attempt'], '2');
    assert.deepEqual([answer?.status, answer?.body.toString()], [200, ANSWER]);
  });

  it('passes an answer without a Content-Length', async () => {
    bench.upstream.say(POOL, (_, response) => {
      response.write('a');
      response.end('b');
    });
    assert.equal((await bench.post(POOL)).body, 'ab');
  });

  it('replaces the URL of every function in a handshake by its own', async () => {
    const { Functions: functions } = v.parse(handshake, (await bench.post('/Berth.Handshake')).body);
    assert.deepEqual(Object.keys(functions), ['Pools', 'Addresses', 'Hosts']);
    for (const endpoint of Object.values(functions)) {
      assert.notEqual(endpoint, bench.upstream.endpoint);
      assert.equal((await bench.post(POOL, 1, endpoint)).body, ANSWER);
    }
    assert.equal(bench.proxy.passages.length, 4);
  });

  it('leaves an answer that is not a handshake unchanged', async () => {
    bench.upstream.say('/Berth.Handshake', portal);
    assert.equal((await bench.post('/Berth.Handshake')).body, portal.body.toString());
  });

  it('breaks the connection when the function is not available', async () => {
    await bench.upstream.close();
    await broken(bench.post(POOL));
  });
});

describe('a rule', () => {
  const drop = { kind: 'drop-before' } as const;
  const outcomes = async (rule: Rule, requests: readonly [url: string, attempt: number][]): Promise<string> => {
    bench.proxy.program(rule);
    let seen = '';
    for (const [url, attempt] of requests) {
      seen += await bench.post(url, attempt).then(
        () => '.',
        () => 'x',
      );
    }
    return seen;
  };
  const requests = [
    [POOL, 1],
    [POOL, 2],
    ['/other', 1],
    [POOL, 1],
  ] as const;
  const cases: readonly [string, Omit<Rule, 'fault'>, string][] = [
    ['for everything', {}, 'xxxx'],
    ['for a path', { path: POOL }, 'xx.x'],
    ['for an attempt', { attempt: 1 }, 'x.xx'],
    ['for an attempt at a path', { path: POOL, attempt: 1 }, 'x..x'],
    ['for the second matching request', { path: POOL, attempt: 1, nth: 2 }, '...x'],
  ];
  for (const [what, rule, expected] of cases) {
    it(`${what} applies to nothing else`, async () => {
      assert.equal(
        await outcomes(
          { ...rule, fault: drop },
          requests.map(([url, attempt]) => [url, attempt]),
        ),
        expected,
      );
    });
  }

  it('applies until the rules are replaced', async () => {
    bench.proxy.program({ fault: drop });
    await broken(bench.post(POOL));
    await bench.proxy.heal();
    assert.equal((await bench.post(POOL)).status, 200);
  });

  it('that is insisted on applies before all others, and stays when they are replaced', async () => {
    bench.proxy.insist({ path: POOL, fault: drop });
    bench.proxy.program({ fault: { kind: 'answer', answer: portal, carriedOut: false } });
    await broken(bench.post(POOL));
    await bench.proxy.heal();
    await broken(bench.post(POOL));
    assert.equal((await bench.post('/other')).status, 200);
  });

  it('decides if it is the first that matches', async () => {
    bench.proxy.program(
      { path: POOL, nth: 1, fault: drop },
      { fault: { kind: 'answer', answer: portal, carriedOut: false } },
    );
    await broken(bench.post(POOL));
    assert.equal((await bench.post(POOL)).body, portal.body.toString());
  });
});

describe('the lying upstream', () => {
  const ask = async (): Promise<string> => (await bench.post(POOL, 1, bench.upstream.endpoint)).body;

  it('gives its answers in order, and repeats the last one forever', async () => {
    bench.upstream.say(POOL, text('a'), text('b'));
    assert.deepEqual([await ask(), await ask(), await ask()], ['a', 'b', 'b']);
  });

  it('can do anything else with a request', async () => {
    bench.upstream.say(POOL, (incoming) => incoming.socket.destroy());
    await broken(ask());
  });

  it('remembers the requests that it received', async () => {
    await ask();
    assert.deepEqual(
      bench.upstream.heard.map(({ path: url, body }) => [url, body]),
      [[POOL, '{"a":1}']],
    );
  });
});
