/** What a bill depends on but no run here can count: times on AWS, and the size of the API's access log. */

/** Memory of the functions, in serverless.yml, and their billed time. */
export const RUNS = {
  call: { seconds: 0.01, megabytes: 256 },
  /** What each further request to DynamoDB adds: 0.7 ms of a core, of which 256 MB are a seventh. */
  request: { seconds: 0.005, megabytes: 256 },
  sweep: { seconds: 2, megabytes: 1_024 },
  /** What each request adds that is for something to clear up, with 0.58 of a core. */
  sweptRequest: { seconds: 0.0012, megabytes: 1_024 },
} as const;

/** The requests that the time of a call includes. */
export const REQUESTS_OF_CALL = 4;

/** What CloudWatch adds to the bytes of each event. */
const EVENT_OVERHEAD_BYTES = 26;
const logged = (lines: readonly string[]): number =>
  lines.reduce((sum, line) => sum + Buffer.byteLength(line) + EVENT_OVERHEAD_BYTES, 0);

const ID = '8476a536-e9f4-11e8-9739-2dfe598c3fcd';
/** Bytes of a line of the HTTP API's access log, in the format of infra/front/http-api.yml. */
export const ACCESS_LOG = logged([
  JSON.stringify({
    request: 'JKJaXmPLvHcESHA=',
    at: '24/Nov/2026:09:26:13 +0000',
    route: 'POST /IpamDriver.RequestAddress',
    status: '200',
    ip: '203.0.113.17',
    milliseconds: '14',
    functionStatus: '200',
    invocation: ID,
    error: '-',
    principal: 'arn:aws:sts::123456789012:assumed-role/berth-host/i-0123456789abcdef0',
  }),
]);

/** What the stack has while `monitoring` is on (test/system/infra/monitoring.test.ts). */
export const WATCHED = { alarmMetrics: 26, metrics: 5, dashboards: 1 } as const;
