/**
 * The functions as they are deployed, over an embedded engine. Every request through here is checked: it gets an answer
 * without an internal error, a refusal is clear, and a refused request has changed nothing in the table.
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

export const FUNCTIONS = ['capabilities', 'pools', 'addresses', 'hosts', 'console', 'viewer', 'check'] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

/** Docker's methods that change something, and the function of each. */
export const METHODS = {
  RequestPool: 'pools',
  ReleasePool: 'pools',
  RequestAddress: 'addresses',
  ReleaseAddress: 'addresses',
} as const;
export type MethodName = keyof typeof METHODS;
/** RequestPool comes last, since what it leaves makes every read of the table longer. */
export const METHOD_NAMES = ['RequestAddress', 'ReleaseAddress', 'ReleasePool', 'RequestPool'] as const;

export interface Answer {
  readonly body: Readonly<Record<string, unknown>>;
  /** The reason of the refusal, if it was refused. */
  readonly refusal: string | undefined;
  /** What has changed in the table. */
  readonly changes: object;
}

export type Event = NonNullable<Parameters<typeof eventOf>[1]>;

export interface Border {
  /** @throws AssertionError when the answer or the table is not as it must be. */
  send(name: FunctionName, path: string, event: Event): Promise<Answer>;
  /** Calls a method, by default with valid headers. */
  call(method: MethodName, event: Event): Promise<Answer>;
  /** A request that must succeed. */
  succeed(method: MethodName, message: object, headers?: Event['headers']): Promise<Answer['body']>;
  close(): Promise<void>;
}

const TABLE = 'berth-fuzz';
/** An instance may not call the functions for people. */
const PERSON = 'arn:aws:iam::123456789012:user/alice';
const FOR_PEOPLE: readonly FunctionName[] = ['console', 'viewer', 'check'];
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
    const sent = eventOf(path, event, FOR_PEOPLE.includes(name) ? PERSON : undefined);
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
    BERTH_VIEWER_URL: 'unix:/run/viewer.sock',
    BERTH_CHECK_URL: 'unix:/run/check.sock',
  });
}

/** The functions read their environment when they load, so they are loaded here. */
async function loadHandlers(): Promise<Record<FunctionName, Handler>> {
  const [capabilities, pools, addresses, hosts, operators, viewers, checks] = await Promise.all([
    import('../../../../functions/capabilities.ts'),
    import('../../../../functions/pools.ts'),
    import('../../../../functions/addresses.ts'),
    import('../../../../functions/hosts.ts'),
    import('../../../../functions/console.ts'),
    import('../../../../functions/viewer.ts'),
    import('../../../../functions/check.ts'),
  ]);
  return {
    capabilities: capabilities.handler,
    pools: pools.handler,
    addresses: addresses.handler,
    hosts: hosts.handler,
    console: operators.handler,
    viewer: viewers.handler,
    check: checks.handler,
  };
}

/** Whatever a request contains, the log has one JSON object per line. */
const logLine = v.pipe(
  v.string(),
  v.check((text) => !text.includes('\n')),
  v.parseJson(),
  // An event, or its metrics.
  v.union([v.looseObject({ level: v.string() }), v.looseObject({ _aws: v.looseObject({ Timestamp: v.number() }) })]),
);

/** Refusals that depend only on the request and its caller, and so come before anything is written. */
const AT_ONCE = new Set([
  ...['no-such-method', 'invalid-request', 'out-of-range'],
  ...['foreign-pool', 'foreign-host', 'host-unknown', 'still-held', 'space-changed'],
]);

function assertUnchanged(before: Contents, after: Contents, code: string | undefined): void {
  const part = AT_ONCE.has(code ?? assert.fail('a refusal without a code')) ? 'all' : 'held';
  assert.deepEqual(difference(before[part], after[part]), SAME, `a refusal (${code}) changed the table`);
}

const REGISTRATION = JSON.stringify({ Proposed: 'incarnation1', ShimVersion: '0.1.0' });

/** A host with this id is registered before its next call. */
const named = new Set<string>();

/** Headers of a call as a shim adds them, with a new request key each time. */
export function freshHeaders(host: string = CALL_HEADERS['berth-host']): Record<string, string> {
  named.add(host);
  const sequence = (sequences += 1).toString(36).padStart(9, '0');
  return { ...CALL_HEADERS, 'berth-host': host, 'berth-request': `${sequence}fuzz` };
}

let sequences = Date.UTC(2026, 0, 1);
