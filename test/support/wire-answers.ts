/** Answers that no function of Berth gives: those of proxies, portals and broken servers. */

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** More than a shim reads of an answer. */
const HUGE_BYTES = 3 * 1024 * 1024;
const DEPTH = 20_000;

const answer = (status: number, type: string, body: string): WireAnswer => ({
  status,
  headers: { 'content-type': type },
  body: Buffer.from(body),
});

export const json = (body: unknown, status = 200): WireAnswer =>
  answer(status, 'application/json', JSON.stringify(body));

export const text = (body: string, status = 200): WireAnswer => answer(status, 'text/plain', body);

/** A captive portal: a login page for every request. */
export const portal = answer(200, 'text/html', '<!DOCTYPE html>\n<html>\n<body>Please log in.</body>\n</html>\n');

/** Refusals of AWS in front of a function. */
export const refusals: Readonly<Record<string, WireAnswer>> = {
  'HTTP 403': json({ Message: 'Forbidden' }, 403),
  'HTTP 429': json({ Reason: 'ConcurrentInvocationLimitExceeded', Type: 'User', message: 'Rate Exceeded.' }, 429),
  'HTTP 500': text('Internal Server Error', 500),
  'HTTP 502': json({ Message: 'Internal Server Error' }, 502),
  'HTTP 503': json({ message: 'Service Unavailable' }, 503),
  'HTTP 504': json({ message: 'Endpoint request timed out' }, 504),
};

/** HTTP 200, but not a valid message of Docker. */
export const nonsense: Readonly<Record<string, WireAnswer>> = {
  'a page to log in': portal,
  'no body': text(''),
  'half an object': text('{"PoolID":"x'),
  'a list': json([]),
  null: json(null),
  'a text': json('x'),
  'a number': json(1),
  'fields of wrong types': json({ PoolID: 1, Pool: [], Address: { a: 1 }, Error: 5, Data: 'x' }),
  'an object of somebody else': json({ status: 'ok' }),
  'an object that is deep': text(`{"a":${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}}`),
  'an object that is huge': json({ a: 'x'.repeat(HUGE_BYTES) }),
  'bytes that are no text': { status: 200, headers: {}, body: Buffer.from([0xff, 0xfe, 0x00, 0x7b, 0x7d]) },
};
