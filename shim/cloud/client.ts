/** Asks Berth's functions: signs a request, sends it and judges the answer. */
import type { Signer, Standing } from '../aws/signer.ts';
import type { Endpoint } from '../endpoint.ts';
import { within } from '../time.ts';
import { TransportError, type Transport } from './transport.ts';
import { type Failed, type Question, type Verdict, judgeAnswer, judgeError } from './verdict.ts';

export interface Message {
  readonly question: Question;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** ms for this attempt. */
  readonly timeout: number;
}

const HEADERS = { 'content-type': 'application/json', accept: 'application/json' };

export class FunctionUrlClient {
  readonly #transport: Transport;
  readonly #signerOf: (endpoint: Endpoint) => Signer;
  #unreached: string | undefined;
  #answeredAt: number | undefined;

  constructor(transport: Transport, signerOf: (endpoint: Endpoint) => Signer) {
    this.#transport = transport;
    this.#signerOf = signerOf;
  }

  /** Why the last request had no answer. `undefined`: it was answered. */
  get unreached(): string | undefined {
    return this.#unreached;
  }

  /** ms since the epoch: when a function last answered. */
  get answeredAt(): number | undefined {
    return this.#answeredAt;
  }

  /** How the requests to an endpoint are signed. */
  standingAt(endpoint: Endpoint): Standing {
    return this.#signerOf(endpoint).standing();
  }

  /** One attempt. Never throws: the verdict says what went wrong. */
  async ask(endpoint: Endpoint, message: Message): Promise<Verdict> {
    const verdict = await this.#exchange(endpoint, message).catch((error: unknown) => judgeError(endpoint, error));
    this.#unreached = verdict.kind === 'failed' ? verdict.reason : undefined;
    if (verdict.kind === 'answered') this.#answeredAt = Date.now();
    return verdict;
  }

  async #exchange(endpoint: Endpoint, { question, path, headers, body, timeout }: Message): Promise<Verdict> {
    const began = performance.now();
    const signer = this.#signerOf(endpoint);
    const { host: hostname, port } = endpoint.target;
    // The source of the credentials may fail to answer, too, so the time limit covers it.
    const signing = signer.sign({ hostname, port, path, headers: { ...HEADERS, ...headers }, body });
    const signed = await within(timeout, signing, () => {
      throw new TransportError('the source of the AWS credentials did not answer', 'TIMEOUT', false);
    });
    const left = Math.max(1, timeout - (performance.now() - began));
    const answer = await this.#transport.post({ endpoint, path, headers: signed, body, timeout: left });
    const verdict = judgeAnswer(question, endpoint, answer);
    if (verdict.kind === 'failed' && verdict.remedy === 'renew') renew(signer, verdict);
    return verdict;
  }
}

/** Corrects a clock that was off; otherwise drops the credentials, since new ones may be accepted. */
function renew(signer: Signer, { date }: Failed): void {
  if (!signer.learnClock(date)) signer.forgetCredentials();
}
