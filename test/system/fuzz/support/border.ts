/**
 * The functions as they are deployed, over an embedded engine. Whatever is sent through here is held to what Berth
 * promises: an answer, no fault, a clear refusal, and a table in which a refused request has changed nothing.
 */
import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import type { Handler } from '../../../../functions/lambda/handler.ts';
import { output } from '../../../../functions/lambda/log.ts';
import { createTable } from '../../../../infra/local/create-table.ts';
import { type Engine, startEngine } from '../../../../infra/local/engine.ts';
import { useTable } from '../../../support/engine-store.ts';
import { CALL_HEADERS, answerOf, contextWith, eventOf, refusalOf } from '../../../unit/functions/lambda/event.ts';
import { refusalIn } from './clear.ts';
import { type Contents, SAME, difference, readContents } from './table.ts';

export const FUNCTIONS = ['capabilities', 'pools', 'addresses', 'hosts', 'console'] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

/** Docker's methods that change something, and the function of each. */
export const METHODS = {
  RequestPool: 'pools',
  ReleasePool: 'pools',
  RequestAddress: 'addresses',
  ReleaseAddress: 'addresses',
} as const;
export type MethodName = keyof typeof METHODS;
/** RequestPool comes last, since what it leaves makes every look at the table longer. */
export const METHOD_NAMES = ['RequestAddress', 'ReleaseAddress', 'ReleasePool', 'RequestPool'] as const;

export interface Answer {
  readonly body: Readonly<Record<string, unknown>>;
  /** Why it was refused, if it was. */
  readonly refusal: string | undefined;
  /** In the table. */
  readonly changes: object;
}

type Event = NonNullable<Parameters<typeof eventOf>[1]>;

export interface Border {
  /** @throws AssertionError when the answer, or what became of the table, is not as promised. */
  send(name: FunctionName, path: string, event: Event): Promise<Answer>;
  /** A method with headers that are in order, unless told otherwise. */
  call(method: MethodName, event: Event): Promise<Answer>;
  /** A request that must succeed. */
  succeed(method: MethodName, message: object, headers?: Event['headers']): Promise<Answer['body']>;
  close(): Promise<void>;
}

const TABLE = 'berth-fuzz';
/** An instance may not speak to the console. */
const OPERATOR = 'arn:aws:iam::123456789012:user/alice';
/** ms */
const TIME_LEFT = 10_000;

export async function openBorder(): Promise<Border> {
  const engine = await startEngine(undefined);
  try {
    return await borderOver(engine);
  } catch (error) {
    await engine.stop();
    throw error;
  }
}

async function borderOver(engine: Engine): Promise<Border> {
  setEnvironment(engine.url);
  const client = new DynamoDBClient({});
  await createTable(client, TABLE);
  const handlers = await loadHandlers();
  const log = mock.method(output, 'log', (line: unknown) => v.parse(logLine, line));
  let before = await readContents(client, TABLE);

  const send: Border['send'] = async (name, path, event) => {
    const sent = eventOf(path, event, name === 'console' ? OPERATOR : undefined);
    const result = await handlers[name](sent, contextWith(TIME_LEFT));
    const { status, body } = answerOf(result);
    const refusal = refusalIn(status, body);
    const seen = before;
    before = await readContents(client, TABLE);
    if (refusal !== undefined) assertUnchanged(seen, before, status === 404 ? 'no-such-method' : refusalOf(result));
    return { body, refusal, changes: difference(seen.all, before.all) };
  };
  const enrolled = new Set<string>();
  const enrol = async (): Promise<void> => {
    for (const host of named) {
      if (enrolled.has(host)) continue;
      enrolled.add(host);
      // Refused where a test has registered it itself.
      await send('hosts', '/Berth.Register', { headers: freshHeaders(host), body: REGISTRATION });
    }
  };
  const call: Border['call'] = async (method, event) => {
    const asked = { headers: freshHeaders(), ...event };
    await enrol();
    return send(METHODS[method], `/IpamDriver.${method}`, asked);
  };
  return {
    send,
    call,
    succeed: async (method, message, headers = freshHeaders()) => {
      const { body, refusal } = await call(method, { headers, body: JSON.stringify(message) });
      assert.equal(refusal, undefined);
      return body;
    },
    close: async () => {
      log.mock.restore();
      client.destroy();
      await engine.stop();
    },
  };
}

function setEnvironment(dynamodb: string): void {
  useTable({ table: TABLE, endpoint: dynamodb });
  Object.assign(process.env, {
    BERTH_POOLS_URL: 'unix:/run/pools.sock',
    BERTH_ADDRESSES_URL: 'unix:/run/addresses.sock',
    BERTH_HOSTS_URL: 'unix:/run/hosts.sock',
    BERTH_CONSOLE_URL: 'unix:/run/console.sock',
  });
}

/** They read their environment when they are loaded, so they are loaded now. */
async function loadHandlers(): Promise<Record<FunctionName, Handler>> {
  const [capabilities, pools, addresses, hosts, operators] = await Promise.all([
    import('../../../../functions/capabilities.ts'),
    import('../../../../functions/pools.ts'),
    import('../../../../functions/addresses.ts'),
    import('../../../../functions/hosts.ts'),
    import('../../../../functions/console.ts'),
  ]);
  return {
    capabilities: capabilities.handler,
    pools: pools.handler,
    addresses: addresses.handler,
    hosts: hosts.handler,
    console: operators.handler,
  };
}

/** Whatever a request holds, the log is one JSON object a line. */
const logLine = v.pipe(
  v.string(),
  v.check((text) => !text.includes('\n')),
  v.parseJson(),
  // An event, or what is counted of it.
  v.union([v.looseObject({ level: v.string() }), v.looseObject({ _aws: v.looseObject({ Timestamp: v.number() }) })]),
);

/** Refusals that look at the request and at whom it is from, not at what others hold: before anything was written. */
const AT_ONCE = new Set([
  ...['no-such-method', 'invalid-request', 'out-of-range'],
  ...['foreign-pool', 'foreign-host', 'host-unknown', 'still-held', 'space-changed'],
]);

function assertUnchanged(before: Contents, after: Contents, code: string | undefined): void {
  const part = AT_ONCE.has(code ?? assert.fail('a refusal without a code')) ? 'all' : 'held';
  assert.deepEqual(difference(before[part], after[part]), SAME, `a refusal (${code}) changed the table`);
}

const REGISTRATION = JSON.stringify({ Proposed: 'incarnation1', ShimVersion: '0.1.0' });

/** Hosts that were named so are registered before the next call. */
const named = new Set<string>();

/** Headers of a call as a shim adds them, each time with a request key of its own. */
export function freshHeaders(host: string = CALL_HEADERS['berth-host']): Record<string, string> {
  named.add(host);
  const sequence = (sequences += 1).toString(36).padStart(9, '0');
  return { ...CALL_HEADERS, 'berth-host': host, 'berth-request': `${sequence}fuzz` };
}

let sequences = Date.UTC(2026, 0, 1);
