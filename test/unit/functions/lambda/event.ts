/** Events as a Function URL sends them, and what a function logs and returns. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { LambdaFunctionURLEventWithIAMAuthorizer, LambdaFunctionURLResult } from 'aws-lambda';
import * as v from 'valibot';
import { output } from '../../../../functions/lambda/log.ts';

export const PRINCIPAL = 'arn:aws:sts::123456789012:assumed-role/berth-host/fleet';

/** What the shim adds to every call. */
export const CALL_HEADERS = {
  'berth-host': 'web-1',
  'berth-epoch': '1',
  'berth-driver': 'berth',
  'berth-request': '0mjuohs00abcd',
  'berth-attempt': '1',
  'berth-remaining-ms': '20000',
} as const;

export function eventOf(
  rawPath: string,
  part: Partial<Pick<LambdaFunctionURLEventWithIAMAuthorizer, 'body' | 'headers' | 'isBase64Encoded'>> = {},
  userArn = PRINCIPAL,
): LambdaFunctionURLEventWithIAMAuthorizer {
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString: '',
    headers: { 'content-type': 'application/json', ...CALL_HEADERS },
    requestContext: {
      accountId: '123456789012',
      apiId: 'abc123',
      authorizer: {
        iam: {
          accessKey: 'AKIAEXAMPLE',
          accountId: '123456789012',
          callerId: 'AROAEXAMPLE:i-0123456789abcdef0',
          cognitoIdentity: null,
          principalOrgId: 'o-example',
          userArn,
          userId: 'AROAEXAMPLE:i-0123456789abcdef0',
        },
      },
      domainName: 'abc123.lambda-url.eu-west-1.on.aws',
      domainPrefix: 'abc123',
      http: { method: 'POST', path: rawPath, protocol: 'HTTP/1.1', sourceIp: '203.0.113.7', userAgent: 'berth' },
      requestId: '00000000-0000-4000-8000-000000000000',
      routeKey: '$default',
      stage: '$default',
      time: '01/Jan/2026:00:00:00 +0000',
      timeEpoch: Date.UTC(2026, 0, 1),
    },
    isBase64Encoded: false,
    ...part,
  };
}

/** A function with the given time left. */
export const contextWith = (remaining: number) => ({ getRemainingTimeInMillis: () => remaining });

const response = v.object({
  statusCode: v.number(),
  headers: v.strictObject({
    'content-type': v.literal('application/vnd.docker.plugins.v1.2+json'),
    'berth-refusal': v.optional(v.string()),
  }),
  body: v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.unknown())),
});

/** The status and the JSON object of a response, which has the content type of Docker's plugins. */
export function answerOf(result: LambdaFunctionURLResult): { status: number; body: Record<string, unknown> } {
  const { statusCode, body } = v.parse(response, result);
  return { status: statusCode, body };
}

/** The code of a refusal, which the shim reads. */
export const refusalOf = (result: LambdaFunctionURLResult): string | undefined =>
  v.parse(response, result).headers['berth-refusal'];

const line = v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.unknown()));

/** Keeps what is logged during a test off the screen. */
export function captureLog(t: TestContext): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  t.mock.method(output, 'log', (...told: unknown[]) => {
    assert.equal(told.length, 1);
    lines.push(v.parse(line, told[0]));
  });
  return lines;
}
