import assert from 'node:assert/strict';
import { it } from 'node:test';
import { run } from '../engine/support/command.ts';
import { root } from '../../support/repository.ts';
import { scratchFolder } from './support/scratch.ts';

const scratch = scratchFolder('deploy');

/** Nothing listens there: osls checks everything that it deploys before its first request to AWS. */
const NOWHERE = 'http://127.0.0.1:1';

it('npm run deploy finds everything that it uploads, and then asks AWS', async () => {
  const env = {
    PATH: process.env['PATH'],
    HOME: scratch,
    AWS_ENDPOINT_URL: NOWHERE,
    AWS_ACCESS_KEY_ID: 'nobody',
    AWS_SECRET_ACCESS_KEY: 'nothing',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_MAX_ATTEMPTS: '1',
  };
  const args = ['infra/stack.ts', 'deploy', '--stage', 'test', '--param', 'concurrency=off'];
  const { code, stdout, stderr } = await run(process.execPath, args, { cwd: root, env, timeoutMs: 180_000 });
  assert.equal(code, 1);
  assert.match(stdout + stderr, /ECONNREFUSED/);
});
