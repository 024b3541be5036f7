/** Tests the stand-in for Lambda itself, with a function that returns what it finds. */
import assert from 'node:assert/strict';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import * as v from 'valibot';
import { limit, scaled } from '../../support/deadlines.ts';
import { eventually } from '../../support/stage.ts';
import { FunctionPool } from './support/function-pool.ts';
import { InvocationError } from './support/runtime-api.ts';
import { runtimeClient, whyNoRuntimeClient } from './support/runtime-client.ts';

/** ms */
const TIMEOUT = limit(5_000);

const PROBE = `
let calls = 0;
exports.handler = async (event, context) => {
  if (event.say === 'die') process.exit(7);
  if (event.say === 'throw') throw new Error('as told');
  if (event.say === 'hang') await new Promise((resolve) => setTimeout(resolve, 600_000));
  return {
    pid: process.pid,
    calls: ++calls,
    event,
    remaining: context.getRemainingTimeInMillis(),
    request: context.awsRequestId,
    variables: Object.keys(process.env),
  };
};
`;

const told = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    pid: v.number(),
    calls: v.number(),
    event: v.unknown(),
    remaining: v.number(),
    request: v.string(),
    variables: v.array(v.string()),
  }),
);

describe('a package under the runtime client of AWS', { skip: whyNoRuntimeClient() ?? false }, () => {
  let folder: string;
  let log: number;
  let pool: FunctionPool;

  before(() => {
    runtimeClient();
    folder = mkdtempSync(path.join(os.tmpdir(), 'berth-probe-'));
    log = openSync(path.join(folder, 'log'), 'a');
    mkdirSync(path.join(folder, 'functions'));
    writeFileSync(path.join(folder, 'functions/probe.js'), PROBE);
    writeFileSync(path.join(folder, 'functions/broken.js'), 'throw new Error("cannot be loaded");');
  });

  afterEach(() => pool.stop());

  after(() => {
    closeSync(log);
    rmSync(folder, { recursive: true });
  });

  const open = (concurrency: number, timeout = TIMEOUT, name = 'probe'): FunctionPool =>
    (pool = new FunctionPool({ name, folder, timeout, environment: { GIVEN: 'x' }, log }, concurrency));
  const call = async (event: object = {}) => v.parse(told, await pool.invoke(JSON.stringify(event)));

  it('gets its event, its deadline and its own id, and nothing of the environment of this process', async () => {
    open(1);
    process.env['NOT_FOR_IT'] = 'x';
    const { event, remaining, request, variables } = await call({ hello: 'Zürich' });
    assert.deepEqual(event, { hello: 'Zürich' });
    assert.ok(remaining > 0 && remaining <= TIMEOUT);
    assert.match(request, /^[0-9a-f-]{36}$/);
    assert.ok(variables.includes('GIVEN') && variables.includes('AWS_LAMBDA_FUNCTION_NAME'));
    assert.ok(!variables.includes('NOT_FOR_IT'));
  });

  it('uses one process for consecutive calls, which is frozen in between', async () => {
    open(2);
    const first = await call();
    await pool.quiet();
    const state = () => /^State:\s+(\w)/m.exec(readFileSync(`/proc/${first.pid}/status`, 'utf8'))?.[1];
    // The kernel stops a process when it runs next.
    await eventually(() => Promise.resolve(state() === 'T'));
    const second = await call();
    assert.deepEqual([second.pid, second.calls], [first.pid, 2]);
  });

  it('has one process per concurrent call up to the limit, and the other calls wait', async () => {
    open(2);
    const all = await Promise.all(Array.from({ length: 6 }, () => call()));
    assert.equal(new Set(all.map(({ pid }) => pid)).size, 2);
    assert.equal(pool.environments.length, 2);
  });

  it('continues in the same process after it has thrown', async () => {
    open(1);
    const { pid } = await call();
    await assert.rejects(call({ say: 'throw' }), (error) => {
      return error instanceof InvocationError && error.message.includes('as told');
    });
    assert.equal((await call()).pid, pid);
  });

  it('gets another process after it has died or was killed for taking too long', async () => {
    const timeout = scaled(1_000);
    open(1, timeout);
    const { pid } = await call();
    await assert.rejects(call({ say: 'die' }), /Runtime\.ExitError: probe ended with 7/);
    const second = await call();
    assert.notEqual(second.pid, pid);
    await assert.rejects(call({ say: 'hang' }), new RegExp(`Sandbox\\.Timedout: probe took more than ${timeout} ms`));
    assert.equal((await call()).calls, 1);
  });

  it('reports why it cannot be loaded', async () => {
    open(1, TIMEOUT, 'broken');
    await assert.rejects(call(), (error) => {
      return error instanceof InvocationError && /Runtime\.InitError: .*cannot be loaded/.test(error.message);
    });
  });
});
