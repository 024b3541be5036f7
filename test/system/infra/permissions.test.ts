/**
 * Compares the functions' requests to the table with what their roles allow: nothing is asked that is not allowed, and
 * nothing is allowed that is never asked. The requests come from the conformance suite, a full sweep, a revival and a look at
 * everything.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import * as v from 'valibot';
import { functionNames } from '../../../infra/build.ts';
import { root } from '../../support/repository.ts';
import { type Statement, type TableRequest, allows, statement } from '../../support/policy.ts';
import { scratchFolder } from './support/scratch.ts';
import { render } from './support/render.ts';
import {
  check,
  firstSeals,
  following,
  oldPoolIds,
  requestsOf,
  revival,
  sweeps,
  views,
} from './support/table-requests.ts';
import {
  HISTORY_TABLE as DEPLOYED_HISTORY,
  STREAM as DEPLOYED_STREAM,
  TABLE as DEPLOYED_TABLE,
  deployedPolicy,
  isAllowed as isAllowedBySimulator,
} from './support/simulator.ts';
import { Role, Template } from './support/template.ts';

const scratch = scratchFolder('permissions');
const TABLE = { 'Fn::GetAtt': ['Table', 'Arn'] };
const INDEX = { 'Fn::Join': ['/', [TABLE, 'index', 'byHost']] };
const ELSEWHERE = {
  stream: { 'Fn::GetAtt': ['Table', 'StreamArn'] },
  history: { 'Fn::GetAtt': ['HistoryTable', 'Arn'] },
};
/** What a request goes to, as the template writes it. */
const targetOf = ({ elsewhere, index }: TableRequest): unknown =>
  elsewhere !== undefined ? ELSEWHERE[elsewhere] : index === undefined ? TABLE : INDEX;

const roleNamed = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}Role`;
const roles = new Map<string, readonly Statement[]>();
let asked: readonly TableRequest[];

const noted = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    function: v.string(),
    action: v.string(),
    elsewhere: v.optional(v.picklist(['stream', 'history'])),
    index: v.optional(v.string()),
    leadingKey: v.optional(v.string()),
  }),
);

before(async () => {
  const template = v.parse(Template, render(scratch, 'function-urls'));
  for (const name of functionNames) {
    const { Policies } = v.parse(Role, template.Resources[roleNamed(name)]).Properties;
    const all = Policies.flatMap(({ PolicyDocument }) => v.parse(v.array(statement), PolicyDocument.Statement));
    roles.set(
      name,
      all.filter(({ Action }) => Action.some((action) => action.startsWith('dynamodb:'))),
    );
  }
  asked = [
    ...conformance(),
    ...(await requestsOf('sweep', sweeps)),
    ...(await requestsOf('hosts', revival)),
    ...(await requestsOf('viewer', views)),
    ...(await requestsOf('check', check)),
    ...(await requestsOf('history', following)),
    ...(await firstSeals()),
    ...(await requestsOf('addresses', oldPoolIds)),
  ];
});

/** Failures of the suite itself are ignored here. */
function conformance(): TableRequest[] {
  const file = path.join(scratch, 'asked');
  const recorder = path.join(root, 'test/support/record-requests.ts');
  // Otherwise it would treat itself as a part of this run.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  spawnSync(process.execPath, ['--test', ...globSync('test/system/conformance/*.test.ts', { cwd: root })], {
    cwd: root,
    stdio: 'ignore',
    // Some checks run only on Lambda.
    env: { ...env, AWS_LAMBDA_FUNCTION_NAME: 'recorded', BERTH_RECORD: file, NODE_OPTIONS: `--import ${recorder}` },
  });
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => v.parse(noted, line));
}

const told = ({ function: name, action, elsewhere, index, leadingKey }: TableRequest): string =>
  `${name}: ${action} ${elsewhere ?? index ?? ''}${leadingKey?.replace(/#.*/, '#') ?? ''}`;

const isAllowed = (request: TableRequest): boolean =>
  (roles.get(request.function) ?? []).some((one) => allows(one, request, targetOf(request)));

describe('the roles', () => {
  it('allow every request of the functions to the table', () => {
    const names = new Set(asked.map(({ function: name }) => name));
    assert.deepEqual(
      functionNames.filter((name) => !names.has(name)),
      ['capabilities'],
      'only capabilities asks nothing',
    );
    assert.deepEqual([...new Set(asked.filter((request) => !isAllowed(request)).map(told))], []);
  });

  it('allow every request of the functions according to an independent simulator', async () => {
    const template = v.parse(Template, render(scratch, 'function-urls'));
    const distinct = new Map(asked.map((request) => [told(request), request]));
    const refused: string[] = [];
    for (const [name, { function: by, action, elsewhere, index, leadingKey }] of distinct) {
      const { Policies } = v.parse(Role, template.Resources[roleNamed(by)]).Properties;
      const policies = Policies.map(({ PolicyDocument }) => deployedPolicy(PolicyDocument));
      const context = leadingKey === undefined ? {} : { 'dynamodb:LeadingKeys': [leadingKey] };
      const besides = { stream: DEPLOYED_STREAM, history: DEPLOYED_HISTORY };
      const onTable = index === undefined ? DEPLOYED_TABLE : `${DEPLOYED_TABLE}/index/${index}`;
      const resource = elsewhere === undefined ? onTable : besides[elsewhere];
      if (!(await isAllowedBySimulator(policies, { action, resource, context }))) refused.push(name);
    }
    assert.ok(distinct.size > 30);
    assert.deepEqual(refused, []);
  });

  it('allow nothing else: each allowed action on each kind of item is used', () => {
    const idle = [...roles].flatMap(([name, statements]) =>
      statements.flatMap((one) =>
        one.Action.filter(
          (action) =>
            !asked.some(
              (request) =>
                request.function === name && allows({ ...one, Action: [action] }, request, targetOf(request)),
            ),
        ).map((action) => `${name}: ${action} ${JSON.stringify(one.Condition ?? one.Resource)}`),
      ),
    );
    assert.deepEqual(idle, []);
  });

  it('do not allow another function, another kind of item or another action', () => {
    assert.ok(isAllowed({ function: 'addresses', action: 'dynamodb:UpdateItem', leadingKey: 'pool#abc#0' }));
    const refused: TableRequest[] = [
      { function: 'capabilities', action: 'dynamodb:UpdateItem', leadingKey: 'pool#abc#0' },
      { function: 'addresses', action: 'dynamodb:UpdateItem', leadingKey: 'hosts#a' },
      { function: 'addresses', action: 'dynamodb:DeleteItem', leadingKey: 'pool#abc#0' },
      { function: 'addresses', action: 'dynamodb:Query', index: 'byHost' },
      { function: 'pools', action: 'dynamodb:Scan' },
      { function: 'pools', action: 'dynamodb:PutItem', leadingKey: 'key' },
      { function: 'console', action: 'dynamodb:GetItem', leadingKey: 'key' },
      { function: 'viewer', action: 'dynamodb:GetItem', leadingKey: 'key' },
      { function: 'viewer', action: 'dynamodb:UpdateItem', leadingKey: 'hosts#a' },
      { function: 'viewer', action: 'dynamodb:Scan' },
      { function: 'check', action: 'dynamodb:GetItem', leadingKey: 'key' },
      { function: 'check', action: 'dynamodb:UpdateItem', leadingKey: 'pool#abc#0' },
      { function: 'check', action: 'dynamodb:DeleteItem', leadingKey: 'pool#abc#0' },
      { function: 'history', action: 'dynamodb:UpdateItem', leadingKey: 'pool#abc#0' },
      { function: 'history', action: 'dynamodb:GetItem', leadingKey: 'pool#abc#0' },
      { function: 'viewer', action: 'dynamodb:PutItem', elsewhere: 'history', leadingKey: 'cursor' },
    ];
    for (const request of refused) assert.ok(!isAllowed(request), told(request));
  });
});
