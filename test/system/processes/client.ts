/** One host's client of the functions, which run in its own process, as on AWS each runs in a separate process. */
import type { LambdaFunctionURLResult } from 'aws-lambda';
import * as v from 'valibot';
import type { Handler } from '../../../functions/lambda/handler.ts';
import { type Method } from '../../../protocol/methods.ts';
import { SEQUENCE_WIDTH } from '../../../protocol/request-key.ts';
import { CALL_HEADERS, contextWith, eventOf } from '../../unit/functions/lambda/event.ts';
import { type Answer, type Message, type Scribe, answer } from './history.ts';

/** ms, as in serverless.yml. */
const FUNCTION_TIMEOUT = 10_000;

const response = v.object({ statusCode: v.number(), body: v.pipe(v.string(), v.parseJson()) });

/** Functions read their environment when they load. */
const [pools, addresses, hosts] = await Promise.all([
  import('../../../functions/pools.ts'),
  import('../../../functions/addresses.ts'),
  import('../../../functions/hosts.ts'),
]);

const handlers: Readonly<Record<Method, Handler>> = {
  RequestPool: pools.handler,
  ReleasePool: pools.handler,
  RequestAddress: addresses.handler,
  ReleaseAddress: addresses.handler,
};

interface Setting {
  readonly hostId: string;
  readonly scribe: Scribe;
  readonly random: () => number;
  /** Called when a call has been sent. `true`: its answer is not awaited. */
  readonly isLast: (method: Method) => boolean;
}

export class Client {
  readonly #setting: Setting;
  #sequence = 0;

  constructor(setting: Setting) {
    this.#setting = setting;
  }

  /** @throws Error when the host is refused. */
  async register(): Promise<void> {
    const headers = { ...CALL_HEADERS, 'berth-host': this.#setting.hostId, 'berth-request': this.#requestKey() };
    const body = JSON.stringify({ Proposed: `nonce-${this.#setting.hostId}`, ShimVersion: '0.1.0' });
    const answered = parse(
      await hosts.handler(eventOf('/Berth.Register', { headers, body }), contextWith(FUNCTION_TIMEOUT)),
    );
    v.parse(v.object({ Epoch: v.literal(1) }), answered.body);
  }

  /** `undefined`: the outcome of the call is unknown. */
  async call(method: Method, message: Partial<Message>): Promise<Answer | undefined> {
    const { hostId, scribe, isLast } = this.#setting;
    const requestKey = this.#requestKey();
    scribe.begin(method, requestKey, message);
    const headers = { ...CALL_HEADERS, 'berth-host': hostId, 'berth-request': requestKey };
    const event = eventOf(`/IpamDriver.${method}`, { headers, body: JSON.stringify(message) });
    const sent = handlers[method](event, contextWith(FUNCTION_TIMEOUT));
    if (isLast(method)) await sent.then(() => new Promise(() => undefined));
    const { statusCode, body } = parse(await sent);
    const told = v.parse(answer, body);
    scribe.end(requestKey, statusCode, told);
    return statusCode === 200 ? told : undefined;
  }

  #requestKey(): string {
    this.#sequence = Math.max(this.#sequence + 1, Date.now());
    const nonce = Math.floor(this.#setting.random() * 36 ** 4);
    return this.#sequence.toString(36).padStart(SEQUENCE_WIDTH, '0') + nonce.toString(36).padStart(4, '0');
  }
}

const parse = (result: LambdaFunctionURLResult) => v.parse(response, result);
