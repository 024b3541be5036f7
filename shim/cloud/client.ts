/** Asks Berth's functions: signs a request, sends it and judges the answer. */
import type { Signer } from '../aws/signer.ts';
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
  readonly #signers = new Map<string, Signer>();
  #unreached: string | undefined;

  constructor(transport: Transport, signerOf: (endpoint: Endpoint) => Signer) {
    this.#transport = transport;
    this.#signerOf = signerOf;
  }

  /** Why the last request had no answer. `undefined`: it was answered. */
  get unreached(): string | undefined {
    return this.#unreached;
  }

  /** One attempt. Never throws: the verdict says what went wrong. */
  async ask(endpoint: Endpoint, message: Message): Promise<Verdict> {
    const verdict = await this.#ask(endpoint, message);
    this.#unreached = verdict.kind === 'failed' ? verdict.reason : undefined;
    return verdict;
  }

  async #ask(endpoint: Endpoint, message: Message): Promise<Verdict> {
    const { path, body, timeout } = message;
    const began = performance.now();
    try {
      const signer = this.#signer(endpoint);
      const headers = await this.#sign(signer, endpoint, message);
      const left = Math.max(1, timeout - (performance.now() - began));
      const answer = await this.#transport.post({ endpoint, path, headers, body, timeout: left });
      const verdict = judgeAnswer(message.question, endpoint, answer);
      if (verdict.kind === 'failed' && verdict.remedy === 'renew') renew(signer, verdict);
      return verdict;
    } catch (error) {
      return judgeError(endpoint, error);
    }
  }

  #signer(endpoint: Endpoint): Signer {
    const known = this.#signers.get(endpoint.text);
    if (known !== undefined) return known;
    const signer = this.#signerOf(endpoint);
    this.#signers.set(endpoint.text, signer);
    return signer;
  }

  /** The source of the credentials may fail to answer, too, so the time limit covers it. */
  async #sign(signer: Signer, { target }: Endpoint, message: Message): Promise<Record<string, string>> {
    const { path, body, timeout } = message;
    const headers = { ...HEADERS, ...message.headers };
    const signed = signer.sign({ hostname: target.host, port: target.port, path, headers, body });
    return within(timeout, signed, () => {
      throw new TransportError('the source of the AWS credentials did not answer', 'TIMEOUT', false);
    });
  }
}

/** Corrects a clock that was off; otherwise drops the credentials, since new ones may be accepted. */
function renew(signer: Signer, { date }: Failed): void {
  if (!signer.learnClock(date)) signer.forgetCredentials();
}
