/** Whether a deployment reserves concurrency, depending on what a stand-in for AWS returns for the account and the stack. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { type Server, createServer } from 'node:http';
import path from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { ceilingsOf } from '../../../infra/ceilings.ts';
import { choose, chooseConcurrency } from '../../../infra/deploy/concurrency.ts';
import { isGiven, readArguments } from '../../../infra/parameters.ts';
import { portOf } from '../../support/http.ts';
import { scratchFolder } from './support/scratch.ts';
import { render } from './support/render.ts';

const ASKED = readArguments(['--stage', 'prod', '--region', 'eu-west-1']);
const scratch = scratchFolder('concurrency');

interface Response {
  readonly status: number;
  readonly body: string;
}
const REFUSED: Response = { status: 403, body: JSON.stringify({ Type: 'User', Message: 'is not authorized' }) };
const NO_STACK: Response = {
  status: 400,
  body:
    '<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type>' +
    '<Code>ValidationError</Code><Message>Stack with id berth-prod does not exist</Message></Error></ErrorResponse>',
};
const stackWith = (properties: string): Response => ({
  status: 200,
  body:
    '<GetTemplateResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><GetTemplateResult><TemplateBody>' +
    `{&quot;Resources&quot;:{&quot;F&quot;:{&quot;Properties&quot;:{${properties}}}}}` +
    '</TemplateBody></GetTemplateResult></GetTemplateResponse>',
});
const account = (quota: number, unreserved = quota): Response => ({
  status: 200,
  body: JSON.stringify({
    AccountLimit: { ConcurrentExecutions: quota, UnreservedConcurrentExecutions: unreserved },
    AccountUsage: {},
  }),
});

/** The requests, their signers, and the answers. */
const asked: { what: string; who: string }[] = [];
const answers = { stack: NO_STACK, account: account(1_000) };
let server: Server;

before(async () => {
  server = createServer((request, response) => {
    request.setEncoding('utf8');
    let body = '';
    request.on('data', (text: string) => (body += text));
    request.on('end', () => {
      const isLambda =
        request.url?.endsWith('/account-settings') === true || request.url?.endsWith('/account-settings/');
      const action = new URLSearchParams(body).get('Action');
      asked.push({
        what: isLambda ? 'GetAccountSettings' : `${action ?? ''} ${new URLSearchParams(body).get('StackName') ?? ''}`,
        who:
          /Credential=(\w+)\/\d+\/([\w-]+)\//
            .exec(request.headers.authorization ?? '')
            ?.slice(1)
            .join(' ') ?? '',
      });
      const { status, body: answer } = isLambda ? answers.account : answers.stack;
      response.writeHead(status, { 'content-type': isLambda ? 'application/json' : 'text/xml' }).end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

const at = (): string => `http://127.0.0.1:${portOf(server)}`;

beforeEach(() => {
  asked.length = 0;
  Object.assign(answers, { stack: NO_STACK, account: account(1_000) });
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: at(),
    AWS_ACCESS_KEY_ID: 'DEPLOYER',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_SHARED_CREDENTIALS_FILE: path.join(scratch, 'none'),
    AWS_CONFIG_FILE: path.join(scratch, 'none'),
  });
});

after(() => {
  server.close();
});

describe('a deployment without the parameter for reserved concurrency', () => {
  it('asks for the stack and the account, in its Region, with the credentials that deploy', async () => {
    await chooseConcurrency(ASKED);
    assert.deepEqual(asked, [
      { what: 'GetTemplate berth-prod', who: 'DEPLOYER eu-west-1' },
      { what: 'GetAccountSettings', who: 'DEPLOYER eu-west-1' },
    ]);
  });

  it('uses the credentials that osls prefers for a stage', async () => {
    Object.assign(process.env, { AWS_PROD_ACCESS_KEY_ID: 'STAGED', AWS_PROD_SECRET_ACCESS_KEY: 'secret' });
    await chooseConcurrency(ASKED);
    delete process.env['AWS_PROD_ACCESS_KEY_ID'];
    delete process.env['AWS_PROD_SECRET_ACCESS_KEY'];
    assert.deepEqual(new Set(asked.map(({ who }) => who)), new Set(['STAGED eu-west-1']));
  });

  for (const [quota, unreserved, concurrency] of [
    [10, 10, 'off'],
    [265, 265, 'off'],
    [266, 266, 'on'],
    [1_000, 265, 'off'],
    [1_000, 1_000, 'on'],
  ] as const) {
    it(`reserves ${concurrency === 'on' ? '166' : 'none'} in an account of ${quota} with ${unreserved} unreserved`, async () => {
      answers.account = account(quota, unreserved);
      assert.equal((await chooseConcurrency(ASKED)).concurrency, concurrency);
    });
  }

  it("keeps the stack's concurrency, whatever the account has left", async () => {
    answers.stack = stackWith('&quot;ReservedConcurrentExecutions&quot;:100');
    answers.account = account(200, 100);
    assert.equal((await chooseConcurrency(ASKED)).concurrency, 'on');
    assert.deepEqual(
      asked.map(({ what }) => what),
      ['GetTemplate berth-prod'],
    );
  });

  it('checks the account again when the stack reserves none', async () => {
    answers.stack = stackWith('');
    assert.equal((await chooseConcurrency(ASKED)).concurrency, 'on');
    answers.account = account(10);
    assert.equal((await chooseConcurrency(ASKED)).concurrency, 'off');
  });

  it('ends when AWS refuses to answer, and names the permissions and the parameter', async () => {
    answers.account = REFUSED;
    await assert.rejects(
      chooseConcurrency(ASKED),
      /is not authorized.* lambda:GetAccountSettings, or pass --param concurrency=on or --param concurrency=off\.$/,
    );
    answers.stack = REFUSED;
    await assert.rejects(
      chooseConcurrency(ASKED),
      /^Error: Cannot read whether the account has concurrency to reserve: /,
    );
  });

  it('reports which quota would be enough', () => {
    assert.match(choose(166, { quota: 10, unreserved: 10 }).why, / raise the quota to 266 /);
    assert.match(choose(166, { quota: 300, unreserved: 200 }).why, / raise the quota to 366 /);
  });
});

describe('an explicit choice of reserved concurrency', () => {
  it('is taken from --param, in each notation', () => {
    assert.ok(isGiven(['--param', 'concurrency=off'], 'concurrency'));
    assert.ok(isGiven(['--stage=x', '--param=front=http-api', '--param=concurrency=on'], 'concurrency'));
    assert.ok(!isGiven(['--param', 'front=http-api'], 'concurrency'));
  });

  it('AWS is not asked for packaging', () => {
    const env = { ...process.env, AWS_ENDPOINT_URL: at() };
    const args = ['infra/stack.ts', 'package', '--package', path.join(scratch, 'package')];
    execFileSync(process.execPath, args, { cwd: path.join(import.meta.dirname, '../../..'), env, stdio: 'ignore' });
    assert.deepEqual(asked, []);
  });
});

describe('the maximum load of a stack', () => {
  it('is printed from its template', () => {
    assert.deepEqual(ceilingsOf(render(path.join(scratch, 'all-off'), 'all-off')), [
      "functions: the account's own concurrency, none is reserved",
      'table: 1,000 writes and 3,000 reads a second',
      'alarm: none, with monitoring=off',
    ]);
    assert.deepEqual(ceilingsOf(render(path.join(scratch, 'all-on'), 'all-on')), [
      'functions: 166 concurrent executions, 1,660 calls a second',
      'table: 4,000 writes and 12,000 reads a second',
      'alarm: half of what the table takes (ThroughputAlarm)',
    ]);
  });
});
