/** A bundled function in a process of its own, as a cold start has it: loaded, and called once. */
import { execFileSync } from 'node:child_process';
import * as v from 'valibot';

/** What Lambda sets for every function. */
export const LAMBDA_ENVIRONMENT = {
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'example',
  AWS_SECRET_ACCESS_KEY: 'example',
};

/** CommonJS, like the bundle: an ES module would load its dependencies differently, and take other times. */
const PROGRAM = `
  const { readFileSync } = require('node:fs');
  const event = JSON.parse(readFileSync(0, 'utf8'));
  const began = performance.now();
  const { handler } = require(process.argv[1]);
  const loaded = performance.now();
  handler(event, { getRemainingTimeInMillis: () => 10_000 }).then((answer) => {
    const answered = performance.now();
    const times = { load: loaded - began, call: answered - loaded };
    process.stdout.write(JSON.stringify({ ...times, answer: answer ?? null }) + '\\n', () => process.exit(0));
  }, (error) => { console.error(error); process.exit(1); });`;

const told = v.pipe(
  v.string(),
  // The function may have logged before it answered.
  v.transform((text) => text.trimEnd().split('\n').at(-1) ?? ''),
  v.parseJson(),
  v.object({
    load: v.number(),
    call: v.number(),
    answer: v.nullable(v.object({ statusCode: v.number(), body: v.pipe(v.string(), v.parseJson()) })),
  }),
);

export type FirstCall = v.InferOutput<typeof told>;

/**
 * @param environment nothing else is inherited.
 * @returns ms for loading the function and for calling it, and the answer (`null`: it has none).
 * @throws Error when the function threw.
 */
export function callFresh(bundle: string, environment: Readonly<Record<string, string>>, event: unknown): FirstCall {
  const args = ['--no-experimental-require-module', '--input-type=commonjs', '-e', PROGRAM, bundle];
  const input = JSON.stringify(event);
  return v.parse(told, execFileSync(process.execPath, args, { input, env: environment, encoding: 'utf8' }));
}
