/**
 * The policies of each variant of the stack, according to an independent simulator of IAM. Each role and policy is tried with
 * every action on every kind of item, and with every function and method: it allows what it should and nothing else.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import * as v from 'valibot';
import { type FunctionName, functionNames } from '../../../infra/build.ts';
import { root } from '../../support/repository.ts';
import { scratchFolder } from './support/scratch.ts';
import { GRANTS } from './support/grants.ts';
import { type Variant, render } from './support/render.ts';
import {
  API,
  type Ask,
  HISTORY_TABLE,
  type Policy,
  STREAM,
  TABLE,
  deployedPolicy,
  functionArn,
  isAllowed,
  logGroupArn,
} from './support/simulator.ts';
import { Role, Template } from './support/template.ts';

const scratch = scratchFolder('policies');
const VARIANTS = [
  'function-urls',
  'http-api',
  'custom-domain',
  'all-off',
  'all-on',
] as const satisfies readonly Variant[];
const stacks = new Map<Variant, v.InferOutput<typeof Template>>();
const resourceOf = (variant: Variant, name: string): unknown => (stacks.get(variant) ?? assert.fail()).Resources[name];

before(() => {
  for (const variant of VARIANTS) stacks.set(variant, v.parse(Template, render(path.join(scratch, variant), variant)));
});

const roleOf = (variant: Variant, name: FunctionName): Policy[] =>
  v
    .parse(Role, resourceOf(variant, `${name.charAt(0).toUpperCase()}${name.slice(1)}Role`))
    .Properties.Policies.map(({ PolicyDocument }) => deployedPolicy(PolicyDocument));

const managed = v.object({ Properties: v.object({ PolicyDocument: v.unknown() }) });
const policyOf = (variant: Variant, name: string): Policy[] => [
  deployedPolicy(v.parse(managed, resourceOf(variant, name)).Properties.PolicyDocument),
];

/** One question, and a text that names it in a difference. */
type Question = readonly [name: string, ask: Ask];
async function allowedOf(policies: readonly Policy[], questions: readonly Question[]): Promise<string[]> {
  const allowed: string[] = [];
  for (const [name, ask] of questions) if (await isAllowed(policies, ask)) allowed.push(name);
  return allowed.sort();
}

const only = (questions: readonly Question[], names: readonly string[]): Question[] =>
  questions.filter(([name]) => names.includes(name));

const ON_ITEMS = ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query', 'BatchGetItem', 'BatchWriteItem'];
const ON_ITEMS_BESIDES = ['ConditionCheckItem', 'PartiQLSelect', 'PartiQLInsert', 'PartiQLUpdate', 'PartiQLDelete'];
/** One key of each kind of item, and keys that look like one of them. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  'space#*': ['space#default'],
  'pool#*': ['pool#abc#0'],
  'hosts#*': ['hosts#7'],
  spaces: ['spaces'],
  'usage#*': ['usage#default'],
  sweep: ['sweep'],
  home: ['home'],
  key: ['key'],
  'no keys': [],
  'another kind': ['lease#1'],
  'the name of a kind': ['pool'],
  'a key and a foreign one': ['pool#abc#0', 'lease#1'],
  'an empty key': [''],
};
const onTable: readonly Question[] = [...ON_ITEMS, ...ON_ITEMS_BESIDES].flatMap((action) =>
  Object.entries(KEYS).map(([key, keys]): Question => {
    const context = keys.length === 0 ? {} : { 'dynamodb:LeadingKeys': keys };
    return [`${key}: ${action}`, { action: `dynamodb:${action}`, resource: TABLE, context }];
  }),
);
const onIndex = ['Query', 'Scan', 'PartiQLSelect'].flatMap((action): Question[] => [
  [`index: ${action}`, { action: `dynamodb:${action}`, resource: `${TABLE}/index/byHost` }],
  [`another index: ${action}`, { action: `dynamodb:${action}`, resource: `${TABLE}/index/byPool` }],
]);
const besides: readonly Question[] = [
  ...['DescribeStream', 'GetRecords', 'GetShardIterator'].map((action): Question => [
    `stream: ${action}`,
    { action: `dynamodb:${action}`, resource: STREAM },
  ]),
  ...ON_ITEMS.map((action): Question => [
    `history: ${action}`,
    { action: `dynamodb:${action}`, resource: HISTORY_TABLE },
  ]),
  ['all streams', { action: 'dynamodb:ListStreams', resource: '*' }],
  ['describe: DescribeTable', { action: 'dynamodb:DescribeTable', resource: TABLE }],
  ['scan: Scan', { action: 'dynamodb:Scan', resource: TABLE }],
  ['scan of another table', { action: 'dynamodb:Scan', resource: `${TABLE}1` }],
  ...['another-Table', 'berth-prod-Table-0'].map((table): Question => {
    const resource = TABLE.replace(/[^/]+$/, table);
    const context = { 'dynamodb:LeadingKeys': ['pool#abc#0'] };
    return [`items of ${table}`, { action: 'dynamodb:UpdateItem', resource, context }];
  }),
  ...['DeleteTable', 'UpdateTable', 'UpdateContinuousBackups', 'ExportTableToPointInTime'].map((action): Question => [
    action,
    { action: `dynamodb:${action}`, resource: TABLE },
  ]),
  ...functionNames.flatMap((name): Question[] => [
    [`log of ${name}`, { action: 'logs:PutLogEvents', resource: `${logGroupArn(name)}:log-stream:one` }],
    [`streams of ${name}`, { action: 'logs:CreateLogStream', resource: `${logGroupArn(name)}:log-stream:one` }],
    [`end of the log of ${name}`, { action: 'logs:DeleteLogGroup', resource: logGroupArn(name) }],
    [`call of ${name}`, { action: 'lambda:InvokeFunction', resource: functionArn(name) }],
    [`code of ${name}`, { action: 'lambda:UpdateFunctionCode', resource: functionArn(name) }],
  ]),
  ['a bucket', { action: 's3:GetObject', resource: 'arn:aws:s3:::bucket/key' }],
  ['a role', { action: 'iam:PassRole', resource: 'arn:aws:iam::123456789012:role/any' }],
];
const toTable = [...onTable, ...onIndex, ...besides];

const granted = (name: FunctionName): string[] =>
  [
    ...Object.entries(GRANTS[name]).flatMap(([key, actions]) => actions.map((action) => `${key}: ${action}`)),
    `log of ${name}`,
    `streams of ${name}`,
  ].sort();

describe('the role of', () => {
  for (const name of functionNames) {
    it(`${name} allows what the function does, in every variant, and nothing else`, async () => {
      const role = roleOf('function-urls', name);
      assert.deepEqual(await allowedOf(role, toTable), granted(name));
      for (const variant of VARIANTS) assert.deepEqual(roleOf(variant, name), role, variant);
    });

    it(`${name} needs each of its actions`, async () => {
      const role = roleOf('function-urls', name);
      const statements = role.flatMap(({ Statement }, at) => Statement.map((one, index) => ({ at, index, one })));
      for (const { at, index, one } of statements) {
        for (const action of v.parse(v.array(v.string()), one['Action'])) {
          const without = structuredClone(role);
          const statement = without[at]?.Statement[index] ?? assert.fail();
          statement['Action'] = v.parse(v.array(v.string()), one['Action']).filter((other) => other !== action);
          if (v.parse(v.array(v.string()), statement['Action']).length === 0) without[at]?.Statement.splice(index, 1);
          const left = without.filter(({ Statement }) => Statement.length > 0);
          assert.notDeepEqual(await allowedOf(left, only(toTable, granted(name))), granted(name), action);
        }
      }
    });
  }

  it('addresses would allow requests without keys if its role did not require keys', async () => {
    const role = roleOf('function-urls', 'addresses');
    for (const statement of role.flatMap(({ Statement }) => Statement)) {
      if (statement['Condition'] instanceof Object) Reflect.deleteProperty(statement['Condition'], 'Null');
    }
    const more = (await allowedOf(role, toTable)).filter((one) => !granted('addresses').includes(one));
    assert.deepEqual(more, ['no keys: GetItem', 'no keys: Query', 'no keys: UpdateItem']);
  });
});

const CALLERS = {
  HostPolicy: ['capabilities', 'pools', 'addresses', 'hosts'],
  OperatorPolicy: ['capabilities', 'console', 'viewer', 'check'],
  ViewerPolicy: ['capabilities', 'viewer'],
} as const satisfies Record<string, readonly FunctionName[]>;

/** The paths of a function's methods, from its source. */
function methodsOf(name: FunctionName): string[] {
  const source = readFileSync(path.join(root, `functions/${name}.ts`), 'utf8');
  return [...source.matchAll(/'(\/(?:IpamDriver|Berth)\.\w+)'/g)].map(([, method = '']) => method);
}

const throughUrl = functionNames.flatMap((name): Question[] => {
  const resource = functionArn(name);
  const [url, call] = ['lambda:InvokeFunctionUrl', 'lambda:InvokeFunction'];
  return [
    [`${name}: URL`, { action: url, resource, context: { 'lambda:FunctionUrlAuthType': 'AWS_IAM' } }],
    [`${name}: call by its URL`, { action: call, resource, context: { 'lambda:InvokedViaFunctionUrl': 'true' } }],
    [`${name}: open URL`, { action: url, resource, context: { 'lambda:FunctionUrlAuthType': 'NONE' } }],
    [`${name}: plain call`, { action: call, resource, context: { 'lambda:InvokedViaFunctionUrl': 'false' } }],
    [`${name}: call without conditions`, { action: call, resource }],
    [`${name}: call later`, { action: 'lambda:InvokeAsync', resource }],
    [`${name}: configuration`, { action: 'lambda:GetFunctionConfiguration', resource }],
    [`${name}: code`, { action: 'lambda:UpdateFunctionCode', resource }],
  ];
});
const throughApi = functionNames.flatMap((name) =>
  methodsOf(name).flatMap((method): Question[] => [
    [`POST ${method}`, { action: 'execute-api:Invoke', resource: `${API}/POST${method}` }],
    [`GET ${method}`, { action: 'execute-api:Invoke', resource: `${API}/GET${method}` }],
    [`POST ${method} below`, { action: 'execute-api:Invoke', resource: `${API}/POST${method}/more` }],
    [
      `another API's ${method}`,
      { action: 'execute-api:Invoke', resource: `${API.replace('abc123', 'xyz789')}/POST${method}` },
    ],
    [
      `another stage's ${method}`,
      { action: 'execute-api:Invoke', resource: `${API.replace('$default', 'dev')}/POST${method}` },
    ],
  ]),
);
const questions = [...throughUrl, ...throughApi, ...toTable];

for (const [policy, functions] of Object.entries(CALLERS)) {
  describe(policy, () => {
    for (const variant of VARIANTS) {
      const calls = ['function-urls', 'all-off'].includes(variant)
        ? functions.flatMap((name) => [`${name}: URL`, `${name}: call by its URL`])
        : functions.flatMap((name) => methodsOf(name).map((method) => `POST ${method}`));

      it(`with ${variant} allows the calls of its functions, and nothing else`, async () => {
        assert.deepEqual(await allowedOf(policyOf(variant, policy), questions), calls.sort());
      });

      it(`with ${variant} needs each of its resources`, async () => {
        const document = policyOf(variant, policy);
        for (const [at, { Resource }] of (document[0]?.Statement ?? []).entries()) {
          for (const resource of v.parse(v.array(v.string()), Resource)) {
            const without = structuredClone(document);
            const statement = without[0]?.Statement[at] ?? assert.fail();
            statement['Resource'] = v.parse(v.array(v.string()), Resource).filter((other) => other !== resource);
            assert.notDeepEqual(await allowedOf(without, only(questions, calls)), calls.sort(), resource);
          }
        }
      });
    }
  });
}
