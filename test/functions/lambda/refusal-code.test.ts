import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as v from 'valibot';
import { Refusal, type RefusalCode } from '../../../functions/ipam/refusal.ts';
import { type Method, handle, parseMessage } from '../../../functions/lambda/handler.ts';
import { PRINCIPAL, captureLog, contextWith, eventOf, refusalOf } from './event.ts';

const PATH = '/Berth.Echo';

describe('the code of a refusal', () => {
  const codeOf = async (method: Method, path = PATH) =>
    refusalOf(await handle({ [PATH]: method })(eventOf(path), contextWith(10_000)));

  it('stands in a header of the answer, for the shim', async (t) => {
    captureLog(t);
    const codes: readonly RefusalCode[] = ['busy', 'foreign-pool', 'host-taken'];
    for (const code of codes) {
      assert.equal(await codeOf(() => Promise.reject(new Refusal(code, 'no'))), code);
    }
    assert.equal(await codeOf((request) => parseMessage(v.object({}), request)), 'invalid-request');
  });

  it('stands in no other answer: of a success, of a fault, of a method that is not there', async (t) => {
    captureLog(t);
    assert.equal(await codeOf(() => ({})), undefined);
    assert.equal(await codeOf(() => Promise.reject(new Error('no'))), undefined);
    assert.equal(await codeOf(() => ({}), '/nothing'), undefined);
  });
});

describe("a request for what is another's", () => {
  for (const code of ['foreign-host', 'foreign-pool'] as const) {
    it(`is logged as a warning (${code}), with whose it is`, async (t) => {
      const lines = captureLog(t);
      const method: Method = () => Promise.reject(new Refusal(code, 'no', { bound: 'somebody' }));
      await handle({ [PATH]: method })(eventOf(PATH), contextWith(10_000));
      const [{ level, method: asked, principal, bound, host, request } = {}] = lines;
      assert.deepEqual([level, asked, principal, bound], ['warn', PATH, PRINCIPAL, 'somebody']);
      assert.deepEqual([host, request], ['web-1', '0mjuohs00abcd']);
    });
  }
});
