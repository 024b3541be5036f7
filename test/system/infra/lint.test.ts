/** Checks each variant of the stack with cfn-lint and the rules of infra/rules, and that each rule can fail. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import * as v from 'valibot';
import { scratchFolder } from './support/scratch.ts';
import { pythonPrograms, whyNoPython } from './support/python.ts';
import { type Variant, render, templateFile, variants } from './support/render.ts';

const RULES = path.join(import.meta.dirname, '../../../infra/rules/stack.guard');
const GUARD = path.join(import.meta.dirname, 'support/guard.py');
const scratch = scratchFolder('lint');
const names = ['function-urls', 'http-api', 'custom-domain', 'all-off', 'all-on'] as const satisfies readonly Variant[];

let python: string;
const templates = new Map<Variant, unknown>();
const fileOf = (variant: Variant): string => templateFile(path.join(scratch, variant));

const report = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ compliant: v.array(v.string()), failed: v.array(v.string()) }),
);
const guard = (template: string) =>
  v.parse(report, execFileSync(python, [GUARD, RULES, template], { encoding: 'utf8' }));

/** A finding that osls causes in each template: a dependency that is listed twice. */
const OF_OSLS = ['--ignore-checks', 'W3005'];

const lint = (template: string) => {
  const args = [path.join(pythonPrograms(), 'cfn-lint'), ...OF_OSLS, '--template', template];
  return spawnSync(python, args, { encoding: 'utf8' });
};

describe('the template', { skip: whyNoPython() ?? false }, () => {
  before(() => {
    python = path.join(pythonPrograms(), 'python');
    for (const name of names) templates.set(name, render(path.join(scratch, name), name));
  });

  it('is checked by cfn-lint, which reports what CloudFormation would refuse', () => {
    const broken: unknown = structuredClone(templates.get('function-urls'));
    put(broken, ['Resources', 'PoolsLambdaFunction', 'Properties', 'MemorySize'], 'much');
    const file = path.join(scratch, 'refused.json');
    writeFileSync(file, JSON.stringify(broken));
    assert.match(lint(file).stdout, /^E3012 'much' is not of type 'integer'/);
  });

  it('has all its variants checked', () => {
    assert.deepEqual([...names].sort(), Object.keys(variants).sort());
  });

  for (const name of names) {
    it(`${name} has no findings of cfn-lint`, () => {
      const { status, stdout, stderr } = lint(fileOf(name));
      assert.equal(stdout + stderr, '');
      assert.equal(status, 0);
    });

    it(`${name} keeps all the rules`, () => {
      assert.deepEqual(guard(fileOf(name)).failed, []);
    });
  }

  it('has no rule without a use: each applies to some variant', () => {
    const rules = [...readFileSync(RULES, 'utf8').matchAll(/^rule (\w+)/gm)].map(([, rule]) => rule);
    const applied = new Set(names.flatMap((name) => guard(fileOf(name)).compliant));
    assert.deepEqual(
      rules.filter((rule) => rule === undefined || !applied.has(rule)),
      [],
    );
  });

  /** One breach each: where in the template, what is put there, and the rule that must fail. */
  const TABLE = 'Resources.Table';
  const ROLE = 'Resources.PoolsRole.Properties.Policies.1.PolicyDocument.Statement.0';
  const ROUTE = 'Resources.HttpApiRoutePostBerthregister.Properties';
  const breaches: readonly (readonly [variant: Variant, at: string, value: unknown, rule: string])[] = [
    ['function-urls', `${TABLE}.DeletionPolicy`, 'Delete', 'a_table_outlives_stack_and_mistakes'],
    ['function-urls', `${TABLE}.UpdateReplacePolicy`, undefined, 'a_table_outlives_stack_and_mistakes'],
    ['function-urls', `${TABLE}.Properties.DeletionProtectionEnabled`, false, 'a_table_outlives_stack_and_mistakes'],
    [
      'function-urls',
      `${TABLE}.Properties.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled`,
      false,
      'a_table_outlives_stack_and_mistakes',
    ],
    ['function-urls', `${TABLE}.Properties.BillingMode`, 'PROVISIONED', 'a_table_outlives_stack_and_mistakes'],
    [
      'function-urls',
      'Resources.PoolsLambdaFunction.Properties.Runtime',
      'nodejs22.x',
      'a_function_runs_where_it_is_tried',
    ],
    ...(['LogFormat', 'SystemLogLevel', 'ApplicationLogLevel'] as const).map(
      (name) =>
        [
          'function-urls',
          `Resources.PoolsLambdaFunction.Properties.LoggingConfig.${name}`,
          name === 'LogFormat' ? 'Text' : 'ERROR',
          'a_function_writes_json_and_nothing_of_calls_that_go_well',
        ] as const,
    ),
    ['function-urls', 'Resources.PoolsLambdaFunctionUrl.Properties.AuthType', 'NONE', 'a_url_wants_a_signature'],
    ['function-urls', 'Resources.PoolsLambdaFunctionUrl.Properties.Cors', {}, 'a_url_wants_a_signature'],
    ['http-api', `${ROUTE}.AuthorizationType`, 'NONE', 'a_route_wants_a_signature'],
    ['http-api', `${ROUTE}.AuthorizationType`, undefined, 'a_route_wants_a_signature'],
    ['http-api', `${ROUTE}.RouteKey`, '$default', 'a_route_wants_a_signature'],
    ['http-api', 'Resources.HttpApiStage.Properties.AccessLogSettings', undefined, 'an_api_is_logged_and_throttled'],
    ['http-api', 'Resources.HttpApiStage.Properties.DefaultRouteSettings', {}, 'an_api_is_logged_and_throttled'],
    [
      'custom-domain',
      'Resources.Domain.Properties.DomainNameConfigurations.0.SecurityPolicy',
      'TLS_1_0',
      'a_domain_speaks_tls_of_today',
    ],
    ['function-urls', 'Resources.PoolsLogGroup.Properties.RetentionInDays', undefined, 'a_log_forgets'],
    [
      'function-urls',
      'Resources.SweepLambdaPermissionEventsRuleSchedule1.Properties.Principal',
      '*',
      'nobody_is_let_in_by_a_function',
    ],
    [
      'function-urls',
      'Resources.SweepLambdaPermissionEventsRuleSchedule1.Properties.SourceArn',
      undefined,
      'nobody_is_let_in_by_a_function',
    ],
    [
      'function-urls',
      'Resources.PoolsRole.Properties.AssumeRolePolicyDocument.Statement.0.Principal',
      { AWS: '*' },
      'a_role_is_for_lambda_alone',
    ],
    ['function-urls', 'Resources.PoolsRole.Properties.ManagedPolicyArns', ['arn'], 'a_role_is_for_lambda_alone'],
    ['function-urls', `${ROLE}.Action.0`, 'dynamodb:*', 'a_role_is_for_lambda_alone'],
    ['function-urls', `${ROLE}.Resource`, '*', 'a_role_is_for_lambda_alone'],
    ['function-urls', `${ROLE}.Condition.Null`, undefined, 'a_condition_on_keys_demands_keys'],
    ['function-urls', `${ROLE}.NotAction`, ['dynamodb:Scan'], 'a_role_is_for_lambda_alone'],
    [
      'function-urls',
      'Resources.HostPolicy.Properties.PolicyDocument.Statement.0.Resource.0',
      '*',
      'a_policy_names_what_it_allows',
    ],
    [
      'http-api',
      'Resources.HostPolicy.Properties.PolicyDocument.Statement.0.Action.0',
      'execute-api:*',
      'a_policy_names_what_it_allows',
    ],
  ];
  for (const [variant, at, value, rule] of breaches) {
    it(`breaks ${rule} with ${at} = ${value === undefined ? 'nothing' : JSON.stringify(value)}`, () => {
      const broken: unknown = structuredClone(templates.get(variant));
      put(broken, at.split('.'), value);
      const file = path.join(scratch, 'broken.json');
      writeFileSync(file, JSON.stringify(broken));
      assert.deepEqual(guard(file).failed, [rule]);
    });
  }
});

function put(target: unknown, [key = '', ...rest]: readonly string[], value: unknown): void {
  if (!(target instanceof Object)) throw new Error(`there is nothing to hold ${key}`);
  if (rest.length > 0) put(Reflect.get(target, key), rest, value);
  else Reflect.set(target, key, value);
}
