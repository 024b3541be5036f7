/** Replaces infra/local/handlers.ts: a local cloud that loads it runs the packages under AWS's runtime client. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import type { Handler } from '../../../../functions/lambda/handler.ts';
import type { FunctionName } from '../../../../infra/build.ts';
import type { Handlers } from '../../../../infra/local/handlers.ts';
import { LOADED, deployed } from './deployment.ts';
import { FunctionPool } from './function-pool.ts';
import { InvocationError } from './runtime-api.ts';

export { REACHABLE } from '../../../../infra/local/handlers.ts';

/** Enough processes that concurrent calls run in different ones, and few enough for a small machine. */
const CONCURRENCY = 2;

const answer = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ statusCode: v.number(), headers: v.record(v.string(), v.string()), body: v.string() }),
);

/** What a function URL answers when the function did not. */
const FAULT = {
  statusCode: 502,
  headers: { 'content-type': 'application/json' },
  body: '{"Message":"Internal Server Error"}',
};

/**
 * A function's URL, which hands the event to an environment of it.
 *
 * @param tell is called with the reason why there was no answer.
 */
export const invoking =
  (pool: FunctionPool, tell: (reason: string) => void): Handler =>
  async (event) => {
    try {
      return v.parse(answer, await pool.invoke(JSON.stringify(event)));
    } catch (error) {
      if (!(error instanceof InvocationError)) throw error;
      tell(error.message);
      return FAULT;
    }
  };

/** These processes end with this one. */
export function loadHandlers(): Promise<Handlers> {
  const { BERTH_PACKAGES: folder = '', ...environment } = process.env;
  const given = Object.entries(environment).flatMap(([name, value]) =>
    value !== undefined && /^(BERTH_|AWS_ENDPOINT_URL)/.test(name) ? [[name, value] as const] : [],
  );
  writeFileSync(path.join(folder, LOADED), '');
  const pool = (name: FunctionName) => new FunctionPool(deployed(folder, name, Object.fromEntries(given)), CONCURRENCY);
  const url = (name: FunctionName) => invoking(pool(name), console.error);
  const sweep = pool('sweep');
  const history = pool('history');
  return Promise.resolve({
    reachable: {
      capabilities: url('capabilities'),
      pools: url('pools'),
      addresses: url('addresses'),
      hosts: url('hosts'),
      console: url('console'),
      viewer: url('viewer'),
      check: url('check'),
    },
    sweep: async (event) => {
      await sweep.invoke(JSON.stringify(event));
    },
    history: async (event) => {
      await history.invoke(JSON.stringify(event));
    },
  });
}
