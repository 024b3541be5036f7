import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { before, describe, it } from 'node:test';
import * as v from 'valibot';
import { functionNames, outDir } from '../../../infra/build.ts';
import { root } from '../../support/repository.ts';
import { scratchFolder } from './support/scratch.ts';
import { GRANTS } from './support/grants.ts';
import { render } from './support/render.ts';
import {
  Intrinsic,
  LambdaFunction,
  LogGroup,
  Permission,
  Role,
  Rule,
  Statement,
  Template,
  Url,
} from './support/template.ts';
import { unzipOnly } from './unzip.ts';

const scratch = scratchFolder('package');

let template: v.InferOutput<typeof Template>;

before(() => {
  template = v.parse(Template, render(scratch, 'function-urls'));
});

describe('the functions in the template', () => {
  it('are exactly those that are built', () => {
    assert.deepEqual(ofType('AWS::Lambda::Function').sort(), functionNames.map((name) => lambda(name).id).sort());
  });

  const timeouts = {
    capabilities: 3,
    pools: 10,
    addresses: 10,
    hosts: 10,
    console: 60,
    viewer: 10,
    check: 29,
    sweep: 60,
    history: 60,
  };
  for (const name of functionNames) {
    const timeout = timeouts[name];
    const memory = name === 'sweep' ? 1_024 : name === 'history' ? 512 : 256;
    it(`${name} runs on Node 24, arm64, ${memory} MB, ${timeout} s, without tracing`, () => {
      const { Properties } = lambda(name);
      assert.equal(Properties.FunctionName, `berth-test-${name}`);
      assert.equal(Properties.Runtime, 'nodejs24.x');
      assert.deepEqual(Properties.Architectures, ['arm64']);
      assert.equal(Properties.MemorySize, memory);
      assert.equal(Properties.Timeout, timeout);
      assert.equal(Properties.TracingConfig, undefined);
      assert.equal(Properties.ReservedConcurrentExecutions, undefined);
      const logging = { LogFormat: 'JSON', ApplicationLogLevel: 'INFO', SystemLogLevel: 'WARN' };
      assert.deepEqual(Properties.LoggingConfig, logging);
    });

    it(`${name} has its own log group with a retention, created before it first runs`, () => {
      const id = logical(name, 'LogGroup');
      const { Properties } = v.parse(LogGroup, template.Resources[id]);
      assert.equal(Properties.LogGroupName, `/aws/lambda/berth-test-${name}`);
      assert.ok(Properties.RetentionInDays <= 90);
      assert.ok(lambda(name).DependsOn.includes(id));
    });
  }

  it('functions that read PoolIDs are upgraded before the one that issues them', () => {
    for (const name of ['addresses', 'hosts'] as const) assert.ok(lambda('pools').DependsOn.includes(lambda(name).id));
  });

  it('capabilities gets the URLs of the others', () => {
    assert.deepEqual(lambda('capabilities').Properties.Environment.Variables, {
      BERTH_POOLS_URL: urlOf('pools'),
      BERTH_ADDRESSES_URL: urlOf('addresses'),
      BERTH_HOSTS_URL: urlOf('hosts'),
      BERTH_CONSOLE_URL: urlOf('console'),
      BERTH_VIEWER_URL: urlOf('viewer'),
      BERTH_CHECK_URL: urlOf('check'),
    });
  });

  it('the others get the name of the table', () => {
    const history = { BERTH_HISTORY_TABLE: { Ref: 'HistoryTable' }, BERTH_HISTORY_DAYS: '90' };
    for (const name of functionNames.filter((name) => name !== 'capabilities')) {
      const past = name === 'viewer' || name === 'history' ? history : {};
      assert.deepEqual(lambda(name).Properties.Environment.Variables, { BERTH_TABLE: { Ref: 'Table' }, ...past });
    }
  });
});

describe('who may call', () => {
  it('every function has one URL for signed calls only, except that the sweep and history have none', () => {
    const urls = ofType('AWS::Lambda::Url').map((id) => v.parse(Url, template.Resources[id]).Properties);
    const reachable = functionNames.filter((name) => name !== 'sweep' && name !== 'history');
    assert.deepEqual(
      urls,
      reachable.map((name) => ({
        AuthType: 'AWS_IAM',
        TargetFunctionArn: { 'Fn::GetAtt': [lambda(name).id, 'Arn'] },
      })),
    );
  });

  it('only the sweep and history have resource policies, which let the rules of this stack call them', () => {
    const permissions = ofType('AWS::Lambda::Permission').map((id) => v.parse(Permission, template.Resources[id]));
    assert.equal(permissions.length, ofType('AWS::Events::Rule').length);
    for (const { Properties } of permissions) {
      const source = JSON.stringify(Properties.SourceArn);
      const name = source.includes('"HistoryEventsRuleSchedule1"') ? 'history' : 'sweep';
      assert.deepEqual(Properties.FunctionName, { 'Fn::GetAtt': [lambda(name).id, 'Arn'] });
      assert.equal(Properties.Principal, 'events.amazonaws.com');
      assert.match(source, /"((Sweep|History)EventsRuleSchedule1|berth-test-sweep-rule-\d)"/);
    }
  });

  it("a host's endpoint is the capabilities URL", () => {
    assert.deepEqual(template.Outputs['Endpoint']?.Value, urlOf('capabilities'));
  });
});

describe('what starts the sweep and history', () => {
  const rulesOf = (name: 'sweep' | 'history') =>
    ofType('AWS::Events::Rule')
      .map((id) => v.parse(Rule, template.Resources[id]).Properties)
      .filter(({ Targets }) => JSON.stringify(Targets[0].Arn).includes(`"${lambda(name).id}"`));

  it('is for history a schedule alone, which is off where no history is kept', () => {
    assert.equal(rulesOf('sweep').length + rulesOf('history').length, ofType('AWS::Events::Rule').length);
    assert.deepEqual(
      rulesOf('history').map(({ State, ScheduleExpression }) => [State, ScheduleExpression]),
      [['ENABLED', 'rate(1 minute)']],
    );
    const off = v.parse(Template, render(join(scratch, 'off'), 'all-off'));
    const { Properties } = v.parse(Rule, off.Resources['HistoryEventsRuleSchedule1']);
    assert.equal(Properties.State, 'DISABLED');
    const { Environment } = v.parse(LambdaFunction, off.Resources[lambda('history').id]).Properties;
    assert.equal(Environment.Variables['BERTH_HISTORY_TABLE'], '');
  });

  it('is for the sweep only a schedule and the events of AWS for the end of instances', () => {
    assert.deepEqual(
      rulesOf('sweep').map(({ ScheduleExpression, EventPattern }) => ScheduleExpression ?? EventPattern),
      [
        'rate(5 minutes)',
        {
          source: ['aws.ec2'],
          'detail-type': ['EC2 Instance State-change Notification'],
          detail: { state: ['shutting-down', 'terminated'] },
        },
        {
          source: ['aws.ec2'],
          'detail-type': ['EC2 Spot Instance Interruption Warning'],
          detail: { 'instance-action': ['terminate'] },
        },
        {
          source: ['aws.autoscaling'],
          'detail-type': ['EC2 Instance Terminate Successful', 'EC2 Instance-terminate Lifecycle Action'],
          detail: { Destination: ['EC2'] },
        },
      ],
    );
  });
});

describe('what the functions may do', () => {
  it('is set by a separate role for each, and there are no other roles', () => {
    const roles = functionNames.map((name) => lambda(name).Properties.Role['Fn::GetAtt'][0]);
    assert.deepEqual([...new Set(roles)].sort(), ofType('AWS::IAM::Role').sort());
    assert.equal(ofType('AWS::IAM::Role').length, functionNames.length);
  });

  for (const name of functionNames) {
    it(`${name} may only write its own log and do its operations on the table`, () => {
      // Exact, so that any wildcard is a difference. A log group's Arn itself ends in `:*`, its streams.
      const logs = {
        Effect: 'Allow',
        Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        Resource: { 'Fn::GetAtt': [logical(name, 'LogGroup'), 'Arn'] },
      };
      const table = { 'Fn::GetAtt': ['Table', 'Arn'] };
      const elsewhere: Record<string, unknown> = {
        index: { 'Fn::Join': ['/', [table, 'index', 'byHost']] },
        stream: { 'Fn::GetAtt': ['Table', 'StreamArn'] },
        history: { 'Fn::GetAtt': ['HistoryTable', 'Arn'] },
      };
      const isKeyed = (key: string): boolean => !Object.hasOwn(elsewhere, key) && key !== 'scan' && key !== 'describe';
      const expected = Object.entries(GRANTS[name]).map(([key, actions]) => ({
        Effect: 'Allow',
        Action: actions.map((action) => `dynamodb:${action}`).sort(),
        Resource: elsewhere[key] ?? table,
        ...(isKeyed(key) && {
          Condition: {
            'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [key] },
            Null: { 'dynamodb:LeadingKeys': 'false' },
          },
        }),
      }));
      assert.deepEqual(statementsOf(name), [logs, ...expected]);
    });
  }

  it('only Lambda can assume the roles', () => {
    for (const id of ofType('AWS::IAM::Role')) {
      const { Properties } = v.parse(Role, template.Resources[id]);
      assert.deepEqual(
        Properties.AssumeRolePolicyDocument.Statement.map(({ Effect, Action }) => [Effect, Action]),
        [['Allow', 'sts:AssumeRole']],
      );
      const text = JSON.stringify(template.Resources[id]);
      assert.deepEqual(text.match(/"Principal":[^}]*}/g), ['"Principal":{"Service":"lambda.amazonaws.com"}']);
    }
  });
});

describe('the table', () => {
  const source: unknown = JSON.parse(readFileSync(join(root, 'infra/table.json'), 'utf8'));

  it('is the same as in the embedded cloud, with a maximum throughput', () => {
    assert.deepEqual(ofType('AWS::DynamoDB::Table'), ['Table', 'HistoryTable']);
    const deployed = v.parse(v.looseObject({ Properties: v.looseObject({}) }), template.Resources['Table']);
    const local = v.parse(v.looseObject({ Properties: v.looseObject({}) }), source);
    const { OnDemandThroughput, ...others } = deployed.Properties;
    const { OnDemandThroughput: _, ...same } = local.Properties;
    assert.deepEqual({ ...deployed, Properties: others }, { ...local, Properties: same });
    assert.deepEqual(OnDemandThroughput, { MaxReadRequestUnits: 3_000, MaxWriteRequestUnits: 1_000 });
  });

  it('tells its changes, with the items before and after them', () => {
    const streaming = v.object({
      Properties: v.object({
        StreamSpecification: v.strictObject({ StreamViewType: v.literal('NEW_AND_OLD_IMAGES') }),
      }),
    });
    assert.ok(v.is(streaming, template.Resources['Table']));
  });

  it('of history is on demand, forgets by itself, and survives the removal of the stack', () => {
    const kept = v.object({
      DeletionPolicy: v.literal('Retain'),
      UpdateReplacePolicy: v.literal('Retain'),
      Properties: v.object({
        BillingMode: v.literal('PAY_PER_REQUEST'),
        DeletionProtectionEnabled: v.literal(true),
        TimeToLiveSpecification: v.strictObject({ AttributeName: v.literal('expires'), Enabled: v.literal(true) }),
      }),
    });
    assert.ok(v.is(kept, template.Resources['HistoryTable']));
  });

  it('survives the removal of the stack, accidental deletion and a deleted item', () => {
    const kept = v.object({
      DeletionPolicy: v.literal('Retain'),
      UpdateReplacePolicy: v.literal('Retain'),
      Properties: v.object({
        BillingMode: v.literal('PAY_PER_REQUEST'),
        DeletionProtectionEnabled: v.literal(true),
        PointInTimeRecoverySpecification: v.object({ PointInTimeRecoveryEnabled: v.literal(true) }),
      }),
    });
    assert.ok(v.is(kept, source));
  });

  it('holds no CloudFormation function, which CreateTable could not read', () => {
    assert.doesNotMatch(JSON.stringify(source), /"(Ref|Fn::|Condition)/);
  });
});

describe('the zips', () => {
  for (const name of functionNames) {
    it(`${name}.zip contains one file, where the handler expects it`, () => {
      const { name: file, mode } = unzipOnly(zipOf(name));
      assert.equal(`${file.replace(/\.js$/, '')}.handler`, lambda(name).Properties.Handler);
      assert.equal(mode, 0o100644, 'readable by the user that Lambda runs it as');
    });

    it(`${name} loads with what the template gives it and exports its handler`, () => {
      const { bytes, name: file } = unzipOnly(zipOf(name));
      const path = join(scratch, name, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes);
      const options = { env: lambdaEnvironment(name), encoding: 'utf8' } as const;
      // An ES module would also load, but 20 ms later.
      const args = ['--no-experimental-require-module', '-p', 'typeof require(process.argv[1]).handler', path];
      const type = execFileSync(process.execPath, args, options);
      assert.equal(type.trim(), 'function');
    });
  }
});

function ofType(type: string): string[] {
  return Object.keys(template.Resources).filter((id) => template.Resources[id]?.Type === type);
}

function logical(name: string, suffix: string): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}${suffix}`;
}

function lambda(name: string): { id: string } & v.InferOutput<typeof LambdaFunction> {
  const id = logical(name, 'LambdaFunction');
  return { id, ...v.parse(LambdaFunction, template.Resources[id]) };
}

function urlOf(name: string): { 'Fn::GetAtt': string[] } {
  return { 'Fn::GetAtt': [logical(name, 'LambdaFunctionUrl'), 'FunctionUrl'] };
}

function statementsOf(name: string): v.InferOutput<typeof Statement>[] {
  const role = v.parse(Role, template.Resources[lambda(name).Properties.Role['Fn::GetAtt'][0]]);
  return role.Properties.Policies.flatMap((policy) => policy.PolicyDocument.Statement);
}

function zipOf(name: string): Buffer {
  return readFileSync(join(outDir, basename(lambda(name).Properties.Code.S3Key)));
}

/** Lambda's own variables, and the template's with CloudFormation's references filled in. */
function lambdaEnvironment(name: string): Record<string, string> {
  const variables = Object.entries(lambda(name).Properties.Environment.Variables);
  return {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'example',
    AWS_SECRET_ACCESS_KEY: 'example',
    ...Object.fromEntries(variables.map(([key, to]) => [key, filled(to)])),
  };
}

function filled(to: string | v.InferOutput<typeof Intrinsic>): string {
  if (typeof to === 'string') return to;
  return 'Ref' in to ? to.Ref : 'https://function.example/';
}
