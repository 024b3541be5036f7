import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as v from 'valibot';
import { Refusal } from '../../../../functions/ipam/refusal.ts';
import { type Method, handle, parseMessage } from '../../../../functions/lambda/handler.ts';
import type { RefusalCode } from '../../../../protocol/refusal-code.ts';
import { PRINCIPAL, captureLog, contextWith, eventOf, refusalOf } from './event.ts';

const PATH = '/Berth.Echo';

describe('the code of a refusal', () => {
  const codeOf = async (method: Method, path = PATH) =>
    refusalOf(await handle({ [PATH]: method })(eventOf(path), contextWith(10_000)));

  it('is in a header of the response, for the shim', async (t) => {
    captureLog(t);
    const codes: readonly RefusalCode[] = ['busy', 'foreign-pool', 'host-taken'];
    for (const code of codes) {
      assert.equal(await codeOf(() => Promise.reject(new Refusal(code, 'no'))), code);
    }
    assert.equal(await codeOf((request) => parseMessage(v.object({}), request)), 'invalid-request');
  });

  it('is in no other response: of a success, of a fault, of an unknown method', async (t) => {
    captureLog(t);
    assert.equal(await codeOf(() => ({})), undefined);
    assert.equal(await codeOf(() => Promise.reject(new Error('no'))), undefined);
    assert.equal(await codeOf(() => ({}), '/nothing'), undefined);
  });
});

describe('a request for what belongs to another host', () => {
  for (const code of ['foreign-host', 'foreign-pool'] as const) {
    it(`is logged as a warning (${code}), with the owner`, async (t) => {
      const lines = captureLog(t);
      const method: Method = () => Promise.reject(new Refusal(code, 'no', { bound: 'somebody' }));
      await handle({ [PATH]: method })(eventOf(PATH), contextWith(10_000));
      const [{ level, method: asked, principal, bound, host, request } = {}] = lines;
      assert.deepEqual([level, asked, principal, bound], ['warn', PATH, PRINCIPAL, 'somebody']);
      assert.deepEqual([host, request], ['web-1', '0mjuohs00abcd']);
    });
  }
});

const emf = v.looseObject({ _aws: v.object({ CloudWatchMetrics: v.unknown() }) });

describe('a refusal because nothing is left', () => {
  for (const [code, metric] of [
    ['no-address-left', 'NoAddressLeft'],
    ['no-pool-left', 'NoPoolLeft'],
  ] as const) {
    it(`with the code ${code} is counted in a metric for operators`, async (t) => {
      const lines = captureLog(t);
      await handle({ [PATH]: () => Promise.reject(new Refusal(code, 'none left')) })(
        eventOf(PATH),
        contextWith(10_000),
      );
      const [, told] = lines;
      assert.equal(lines.length, 2);
      assert.equal(told?.[metric], 1);
      assert.deepEqual(v.parse(emf, told)._aws.CloudWatchMetrics, [
        { Namespace: 'Berth', Dimensions: [['Table']], Metrics: [{ Name: metric, Unit: 'Count' }] },
      ]);
    });
  }

  it('is the only kind that is counted', async (t) => {
    const lines = captureLog(t);
    await handle({ [PATH]: () => Promise.reject(new Refusal('busy', 'try again')) })(
      eventOf(PATH),
      contextWith(10_000),
    );
    assert.equal(lines.length, 1);
  });
});

it("the log of a call has Lambda's id of the invocation", async (t) => {
  const lines = captureLog(t);
  const context = { ...contextWith(10_000), awsRequestId: '6bc28136' };
  await handle({ [PATH]: () => Promise.reject(new Error('no')) })(eventOf(PATH), context);
  await handle({ [PATH]: () => Promise.reject(new Refusal('busy', 'no')) })(eventOf(PATH), context);
  assert.deepEqual(
    lines.filter(({ message }) => message !== undefined).map(({ invocation }) => invocation),
    ['6bc28136', '6bc28136'],
  );
});
