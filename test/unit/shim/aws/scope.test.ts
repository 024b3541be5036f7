import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { signingScope } from '../../../../shim/aws/scope.ts';
import { parseEndpoint } from '../../../../shim/endpoint.ts';
import { UserError } from '../../../../shim/user-error.ts';

const scopeOf = (endpoint: string, region?: string) => signingScope(parseEndpoint(endpoint), region);

describe('the scope of a signature', () => {
  for (const [endpoint, region, service, expected] of [
    ['https://abc123.lambda-url.eu-west-1.on.aws', undefined, 'lambda', 'eu-west-1'],
    ['https://abc123.lambda-url.us-gov-west-1.on.aws/', 'eu-west-1', 'lambda', 'us-gov-west-1'],
    ['https://abc123.execute-api.eu-central-1.amazonaws.com', undefined, 'execute-api', 'eu-central-1'],
    ['https://abc123-vpce-0a1.execute-api.eu-central-1.amazonaws.com', undefined, 'execute-api', 'eu-central-1'],
    ['https://abc123.execute-api.cn-north-1.amazonaws.com.cn', 'eu-west-1', 'execute-api', 'cn-north-1'],
    ['https://berth.example.com', 'eu-west-1', 'execute-api', 'eu-west-1'],
    ['https://berth.example.com:8443', 'eu-west-1', 'execute-api', 'eu-west-1'],
    ['https://lambda-url.eu-west-1.on.aws.example.com', 'eu-west-2', 'execute-api', 'eu-west-2'],
    ['unix:/run/berth/capabilities.sock', undefined, 'lambda', 'local'],
    ['unix:/run/berth/capabilities.sock', 'eu-west-1', 'lambda', 'eu-west-1'],
    ['http://127.0.0.1:8000', undefined, 'lambda', 'local'],
    ['http://localhost:8000', 'eu-west-1', 'lambda', 'eu-west-1'],
    ['http://abc123.execute-api.localhost:4566', 'eu-west-1', 'execute-api', 'eu-west-1'],
    ['http://abc123.execute-api.eu-west-2.localhost:4566', 'eu-west-1', 'execute-api', 'eu-west-2'],
    ['http://abc123.lambda-url.localhost:4566', 'eu-west-1', 'lambda', 'eu-west-1'],
  ] as const) {
    it(`for ${endpoint} and ${region ?? 'no region'} is ${service} in ${expected}`, () => {
      assert.deepEqual(scopeOf(endpoint, region), { service, region: expected });
    });
  }

  it('is unknown for a custom domain without a region, and the error names the remedy', () => {
    assert.throws(
      () => scopeOf('https://berth.example.com'),
      (error) => error instanceof UserError && /berth\.example\.com.*--region or AWS_REGION/.test(error.message),
    );
  });
});
