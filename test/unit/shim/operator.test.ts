import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Message } from '../../../shim/cloud/client.ts';
import type { Verdict } from '../../../shim/cloud/verdict.ts';
import { declareHost } from '../../../shim/commands/host.ts';
import { type Endpoint, parseEndpoint } from '../../../shim/endpoint.ts';
import { UserError } from '../../../shim/user-error.ts';
import { answered } from './stand-ins.ts';

const ENDPOINT = parseEndpoint('unix:/run/capabilities.sock');

const HANDSHAKE = answered({ Functions: { Console: 'unix:/run/console.sock', Pools: 'unix:/run/pools.sock' } });

/** Declares a host dead at functions that give these answers. */
async function declare(...answers: Verdict[]) {
  const asked: [string, string, string][] = [];
  const ask = (endpoint: Endpoint, { path, body }: Message): Promise<Verdict> => {
    asked.push([endpoint.text, path, body.toString().replace(/"Key":"[0-9a-f]{24}"/, '"Key":"KEY"')]);
    return Promise.resolve(answers.shift() ?? assert.fail('one question too many'));
  };
  const outcome = await declareHost(
    { cloud: { ask }, endpoint: ENDPOINT },
    { host: 'web-1', state: 'dead', why: 'it burns' },
  );
  return { outcome, asked };
}

describe('an operator who declares a host dead', () => {
  it('asks for the endpoint of the console, and reports the death there', async () => {
    const { outcome, asked } = await declare(HANDSHAKE, answered({ Outcome: 'done' }));
    assert.equal(outcome, 'done');
    assert.deepEqual(asked, [
      ['unix:/run/capabilities.sock', '/Berth.Handshake', ''],
      ['unix:/run/console.sock', '/Berth.HostState', '{"Host":"web-1","State":"dead","Why":"it burns","Key":"KEY"}'],
    ]);
  });

  it('learns that the host never existed', async () => {
    assert.equal((await declare(HANDSHAKE, answered({ Outcome: 'unknown' }))).outcome, 'unknown');
  });

  const failed: Verdict = { kind: 'failed', reason: 'nobody listens there', isOpen: false, remedy: 'repeat' };
  const failures: readonly (readonly [string, readonly Verdict[], RegExp])[] = [
    ['the fleet cannot be reached', [failed], /^nobody listens there$/],
    ['the console cannot be reached', [HANDSHAKE, failed], /^nobody listens there$/],
    ['the console refuses', [HANDSHAKE, answered({ Error: 'no' }, 'only an operator may')], /^only an operator may$/],
    ['the functions are of an older version', [answered({ Functions: { Pools: 'unix:/x' } })], /not from this version/],
    ['the console answers something else', [HANDSHAKE, answered({})], /not from this version/],
  ];
  for (const [what, answers, words] of failures) {
    it(`gets an error when ${what}`, async () => {
      await assert.rejects(declare(...answers), (error) => error instanceof UserError && words.test(error.message));
    });
  }
});
