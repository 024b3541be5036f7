/** A stack with an HTTP API in front: who may call what, and that hosts need only one URL. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import * as v from 'valibot';
import { type FunctionName, functionNames } from '../../../infra/build.ts';
import { signingScope } from '../../../shim/aws/scope.ts';
import { parseEndpoint } from '../../../shim/endpoint.ts';
import { root } from '../../support/repository.ts';
import { scratchFolder } from './support/scratch.ts';
import { type Variant, render } from './support/render.ts';
import { Template } from './support/template.ts';

const scratch = scratchFolder('front');
const stacks = new Map<Variant, v.InferOutput<typeof Template>>();
const FRONTS = ['http-api', 'custom-domain'] as const;

before(() => {
  for (const variant of ['function-urls', ...FRONTS, 'all-off', 'all-on'] as const) {
    stacks.set(variant, v.parse(Template, render(path.join(scratch, variant), variant)));
  }
});

const stackOf = (variant: Variant) => stacks.get(variant) ?? assert.fail();
const ofType = (variant: Variant, type: string) =>
  Object.entries(stackOf(variant).Resources).filter(([, resource]) => resource.Type === type);
const logical = (name: string, suffix: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}${suffix}`;

/** The paths of a function's methods, from its source. */
function methodsOf(name: FunctionName): string[] {
  const source = readFileSync(path.join(root, `functions/${name}.ts`), 'utf8');
  return [...source.matchAll(/'(\/(?:IpamDriver|Berth)\.\w+)'/g)].map(([, method = '']) => method).sort();
}
const CALLED = functionNames.filter((name) => name !== 'sweep' && name !== 'history');
const HOSTS_CALL: readonly FunctionName[] = ['capabilities', 'pools', 'addresses', 'hosts'];
const OPERATORS_CALL: readonly FunctionName[] = ['capabilities', 'console', 'viewer', 'check'];
const VIEWERS_CALL: readonly FunctionName[] = ['capabilities', 'viewer'];
const CALLERS = [
  ['HostPolicy', HOSTS_CALL],
  ['OperatorPolicy', OPERATORS_CALL],
  ['ViewerPolicy', VIEWERS_CALL],
] as const;

const route = v.object({
  Properties: v.object({
    RouteKey: v.string(),
    AuthorizationType: v.string(),
    Target: v.object({
      'Fn::Join': v.tuple([v.literal('/'), v.tuple([v.literal('integrations'), v.object({ Ref: v.string() })])]),
    }),
  }),
});
const policy = v.object({
  Properties: v.object({
    PolicyDocument: v.object({
      Statement: v.array(
        v.object({ Action: v.array(v.string()), Resource: v.array(v.unknown()), Condition: v.optional(v.unknown()) }),
      ),
    }),
  }),
});
const statements = (variant: Variant, name: string) =>
  v.parse(policy, stackOf(variant).Resources[name]).Properties.PolicyDocument.Statement;

for (const variant of FRONTS) {
  describe(`with ${variant} in front`, () => {
    it('each method has a route to its function that requires a signature, and there are no other routes', () => {
      const routes = ofType(variant, 'AWS::ApiGatewayV2::Route').map(([, one]) => v.parse(route, one).Properties);
      assert.deepEqual(
        routes
          .map(({ RouteKey, AuthorizationType, Target }) => [RouteKey, AuthorizationType, Target['Fn::Join'][1][1].Ref])
          .sort(),
        CALLED.flatMap((name) =>
          methodsOf(name).map((method) => [
            `POST ${method}`,
            'AWS_IAM',
            logical(`HttpApiIntegration${logical(name, '')}`, ''),
          ]),
        ).sort(),
      );
    });

    it('the functions have no URLs of their own, which would bypass the API', () => {
      assert.deepEqual(ofType(variant, 'AWS::Lambda::Url'), []);
    });

    it('only the API may call the functions, and events of this stack the sweep and history', () => {
      const source = v.object({
        Properties: v.object({
          Principal: v.string(),
          FunctionName: v.object({ 'Fn::GetAtt': v.array(v.string()) }),
          SourceArn: v.unknown(),
        }),
      });
      const permissions = ofType(variant, 'AWS::Lambda::Permission').map(([, one]) => v.parse(source, one).Properties);
      const byApi = permissions.filter(({ Principal }) => Principal === 'apigateway.amazonaws.com');
      assert.deepEqual(
        byApi.map(({ FunctionName }) => FunctionName['Fn::GetAtt'][0]).sort(),
        CALLED.map((name) => logical(name, 'LambdaFunction')).sort(),
      );
      for (const { SourceArn } of byApi)
        assert.match(
          JSON.stringify(SourceArn),
          /"execute-api".*{"Ref":"HttpApi"},"\/\*"|:execute-api:.*{"Ref":"HttpApi"},"\/\*"/,
        );
      const others = permissions.filter(({ Principal }) => Principal !== 'apigateway.amazonaws.com');
      for (const { Principal, FunctionName } of others) {
        assert.equal(Principal, 'events.amazonaws.com');
        assert.match(FunctionName['Fn::GetAtt'][0] ?? '', /^(Sweep|History)LambdaFunction$/);
      }
    });

    it('calls are logged, as JSON that names the caller and the invocation, and throttled', () => {
      const stage = v.object({
        Properties: v.object({
          StageName: v.literal('$default'),
          AccessLogSettings: v.object({
            DestinationArn: v.unknown(),
            Format: v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.string())),
          }),
          DefaultRouteSettings: v.object({ ThrottlingRateLimit: v.number(), ThrottlingBurstLimit: v.number() }),
        }),
      });
      const { AccessLogSettings, DefaultRouteSettings } = v.parse(
        stage,
        stackOf(variant).Resources['HttpApiStage'],
      ).Properties;
      assert.equal(AccessLogSettings.Format['principal'], '$context.identity.userArn');
      assert.equal(AccessLogSettings.Format['invocation'], '$context.integration.requestId');
      assert.deepEqual(DefaultRouteSettings, { ThrottlingRateLimit: 1_000, ThrottlingBurstLimit: 2_000 });
    });

    it('no function has a longer timeout than an HTTP API', () => {
      const timed = v.object({ Properties: v.object({ Timeout: v.number() }) });
      for (const name of CALLED) {
        assert.ok(
          v.parse(timed, stackOf(variant).Resources[logical(name, 'LambdaFunction')]).Properties.Timeout < 30,
          name,
        );
      }
    });

    it('hosts may call the methods of four functions, operators those of four, viewers those of two, and no others', () => {
      for (const [name, functions] of CALLERS) {
        const arn = 'arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${HttpApi}/$default/POST';
        const [{ Action, Resource } = assert.fail(), ...more] = statements(variant, name);
        assert.deepEqual([Action, more], [['execute-api:Invoke'], []]);
        assert.deepEqual(
          Resource.map((one) => JSON.stringify(one)).sort(),
          functions
            .flatMap((one) => methodsOf(one).map((method) => JSON.stringify({ 'Fn::Sub': arn + method })))
            .sort(),
        );
      }
    });
  });
}

describe('the only URL that a host needs', () => {
  const functionsTold = (variant: Variant): unknown[] => {
    const told = v.object({
      Properties: v.object({ Environment: v.object({ Variables: v.record(v.string(), v.unknown()) }) }),
    });
    return Object.values(
      v.parse(told, stackOf(variant).Resources['CapabilitiesLambdaFunction']).Properties.Environment.Variables,
    );
  };

  it('is the API, which serves all functions', () => {
    const api = { 'Fn::GetAtt': ['HttpApi', 'ApiEndpoint'] };
    assert.deepEqual(stackOf('http-api').Outputs['Endpoint']?.Value, api);
    assert.deepEqual(functionsTold('http-api'), [api, api, api, api, api, api]);
    // The attribute of the API has no trailing slash, by its documentation.
    const endpoint = parseEndpoint('https://abc123.execute-api.eu-west-1.amazonaws.com');
    assert.deepEqual(signingScope(endpoint, undefined), { service: 'execute-api', region: 'eu-west-1' });
  });

  it('is the domain if there is one, and then nothing else answers', () => {
    const url = 'https://berth.example.com/';
    assert.equal(stackOf('custom-domain').Outputs['Endpoint']?.Value, url);
    assert.deepEqual(functionsTold('custom-domain'), [url, url, url, url, url, url]);
    assert.deepEqual(signingScope(parseEndpoint(url), 'eu-west-1'), { service: 'execute-api', region: 'eu-west-1' });
    const api = v.object({ Properties: v.object({ DisableExecuteApiEndpoint: v.literal(true) }) });
    assert.ok(v.is(api, stackOf('custom-domain').Resources['HttpApi']));
    const mapping = v.object({
      Properties: v.strictObject({ ApiId: v.unknown(), DomainName: v.unknown(), Stage: v.literal('$default') }),
    });
    assert.ok(v.is(mapping, stackOf('custom-domain').Resources['DomainMapping']), 'at the root of the domain');
  });
});

describe('without an API', () => {
  it('hosts may call four functions, operators four and viewers two, signed and only through their URLs', () => {
    for (const [name, functions] of CALLERS) {
      const Resource = functions.map((one) => ({ 'Fn::GetAtt': [logical(one, 'LambdaFunction'), 'Arn'] }));
      assert.deepEqual(statements('function-urls', name), [
        {
          Action: ['lambda:InvokeFunctionUrl'],
          Resource,
          Condition: { StringEquals: { 'lambda:FunctionUrlAuthType': 'AWS_IAM' } },
        },
        {
          Action: ['lambda:InvokeFunction'],
          Resource,
          Condition: { Bool: { 'lambda:InvokedViaFunctionUrl': 'true' } },
        },
      ]);
    }
  });
});

describe('with other parameters', () => {
  it('the functions reserve no concurrency, and there is no monitoring', () => {
    const text = JSON.stringify(stackOf('all-off'));
    assert.doesNotMatch(text, /ReservedConcurrentExecutions|AWS::CloudWatch|AWS::SNS/);
  });

  it('the functions reserve concurrency, and the table allows more than they ask for', () => {
    const { Resources } = stackOf('all-on');
    const limited = v.object({ Properties: v.object({ ReservedConcurrentExecutions: v.number() }) });
    const reserved = functionNames.map((name) => [
      name,
      v.parse(limited, Resources[logical(name, 'LambdaFunction')]).Properties.ReservedConcurrentExecutions,
    ]);
    const expected = {
      capabilities: 5,
      pools: 20,
      addresses: 100,
      hosts: 30,
      console: 2,
      viewer: 5,
      check: 1,
      sweep: 2,
      history: 1,
    };
    assert.deepEqual(Object.fromEntries(reserved), expected);
    const table = v.object({ Properties: v.object({ OnDemandThroughput: v.unknown() }) });
    const { OnDemandThroughput } = v.parse(table, Resources['Table']).Properties;
    assert.deepEqual(OnDemandThroughput, { MaxReadRequestUnits: 12_000, MaxWriteRequestUnits: 4_000 });
  });

  it('there are traces, logs for a week, and other limits', () => {
    const { Resources } = stackOf('all-on');
    for (const name of functionNames) {
      const traced = v.object({
        Properties: v.object({ TracingConfig: v.strictObject({ Mode: v.literal('Active') }) }),
      });
      assert.ok(v.is(traced, Resources[logical(name, 'LambdaFunction')]), name);
    }
    const roles = v.object({ Properties: v.object({ Roles: v.array(v.object({ Ref: v.string() })) }) });
    const traced = v.parse(roles, Resources['TracingPolicy']).Properties.Roles.map(({ Ref }) => Ref);
    assert.deepEqual(traced.sort(), functionNames.map((name) => logical(name, 'Role')).sort());
    const kept = v.object({ Properties: v.object({ RetentionInDays: v.union([v.literal(7), v.literal('7')]) }) });
    for (const [name, group] of ofType('all-on', 'AWS::Logs::LogGroup')) assert.ok(v.is(kept, group), name);
    assert.match(
      JSON.stringify(Resources['HttpApiStage']),
      /"ThrottlingRateLimit":"?100"?,"ThrottlingBurstLimit":"?200"?}/,
    );
    assert.match(JSON.stringify(Resources['FencedHostsAlarm']), /"Threshold":"?3"?,/);
  });
});
