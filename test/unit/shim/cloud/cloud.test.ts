import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import path from 'node:path';
import { type TestContext, describe, it } from 'node:test';
import type { Signer } from '../../../../shim/aws/signer.ts';
import { FunctionUrlClient, type Message } from '../../../../shim/cloud/client.ts';
import { Transport } from '../../../../shim/cloud/transport.ts';
import { type Endpoint, parseEndpoint } from '../../../../shim/endpoint.ts';
import { TIMEOUT } from '../outbox-stage.ts';
import { listen } from '../../../support/http.ts';
import { temporaryFolder } from '../temporary.ts';

interface Stage {
  readonly cloud: FunctionUrlClient;
  readonly endpoint: Endpoint;
  readonly asked: Record<string, unknown>[];
  readonly learnt: (string | undefined)[];
  readonly forgotten: () => number;
}

interface Wish {
  readonly status?: number;
  readonly body?: string;
  readonly sign?: Signer['sign'];
  /** Whether the local clock turns out to be wrong. */
  readonly isClockWrong?: boolean;
}

async function stage(t: TestContext, wish: Wish = {}): Promise<Stage> {
  const socket = path.join(await temporaryFolder(t), 'up.sock');
  const asked: Record<string, unknown>[] = [];
  const learnt: (string | undefined)[] = [];
  let forgotten = 0;
  const server = createServer((request, response) => {
    asked.push(request.headers);
    response.writeHead(wish.status ?? 200, { date: 'now' }).end(wish.body ?? '{}');
  });
  await listen(t, server, socket);
  const signer: Signer = {
    sign: wish.sign ?? (({ headers }) => Promise.resolve({ ...headers, authorization: 'signed' })),
    learnClock: (date) => {
      learnt.push(date);
      return wish.isClockWrong ?? false;
    },
    forgetCredentials: () => {
      forgotten++;
    },
    standing: () => ({ source: 'the test', isHeld: true, expiresAt: undefined, clockOffset: 0 }),
  };
  const cloud = new FunctionUrlClient(new Transport(), () => signer);
  return { cloud, endpoint: parseEndpoint(`unix:${socket}`), asked, learnt, forgotten: () => forgotten };
}

const message: Message = {
  question: 'own',
  path: '/Berth.Register',
  headers: { 'berth-host': 'a' },
  body: Buffer.from('{}'),
  timeout: 60_000,
};

describe('a request to a function', { timeout: TIMEOUT }, () => {
  it('is signed, and has the content type of JSON', async (t) => {
    const { cloud, endpoint, asked } = await stage(t);
    assert.equal((await cloud.ask(endpoint, message)).kind, 'answered');
    const own = { 'berth-host': 'a', authorization: 'signed', 'content-type': 'application/json' };
    assert.partialDeepStrictEqual(asked, [own]);
  });

  it('is not sent when the source of credentials does not answer within its time', async (t) => {
    const { cloud, endpoint, asked } = await stage(t, { sign: () => new Promise(() => undefined) });
    const verdict = await cloud.ask(endpoint, { ...message, timeout: 20 });
    assert.partialDeepStrictEqual(verdict, { kind: 'failed', isOpen: false, remedy: 'repeat' });
    assert.match(cloud.unreached ?? '', /the source of the AWS credentials did not answer/);
    assert.deepEqual(asked, []);
  });

  it('is not sent without credentials, and the error says so', async (t) => {
    const { cloud, endpoint, asked } = await stage(t, { sign: () => Promise.reject(new Error('none')) });
    assert.partialDeepStrictEqual(await cloud.ask(endpoint, message), { isOpen: false, remedy: 'renew' });
    assert.deepEqual(asked, []);
  });

  it('never throws, whatever its headers', async (t) => {
    const { cloud, endpoint, asked } = await stage(t);
    const verdict = await cloud.ask(endpoint, { ...message, headers: { 'berth-host': 'a\r\nb' } });
    assert.partialDeepStrictEqual(verdict, { kind: 'failed', isOpen: false });
    assert.deepEqual(asked, []);
  });

  it('corrects the clock when its signature is refused, or else renews the credentials', async (t) => {
    for (const isClockWrong of [true, false]) {
      const { cloud, endpoint, learnt, forgotten } = await stage(t, { status: 403, isClockWrong });
      assert.partialDeepStrictEqual(await cloud.ask(endpoint, message), { kind: 'failed', remedy: 'renew' });
      assert.deepEqual([learnt, forgotten()], [['now'], isClockWrong ? 0 : 1]);
    }
  });

  it('reports whether the cloud is reachable', async (t) => {
    const { cloud, endpoint } = await stage(t);
    const nobody = parseEndpoint('unix:/nowhere/none.sock');
    assert.equal(cloud.unreached, undefined);
    await cloud.ask(nobody, message);
    assert.match(String(cloud.unreached), /cannot be reached at unix:\/nowhere\/none\.sock/);
    await cloud.ask(endpoint, message);
    assert.equal(cloud.unreached, undefined);
  });
});
