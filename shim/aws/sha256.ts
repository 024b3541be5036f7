/** SHA-256, or HMAC-SHA-256 when there is a secret, in the interface that the AWS libraries expect. */
import { createHash, createHmac } from 'node:crypto';
import type { Checksum, SourceData } from '@smithy/types';

type State = ReturnType<typeof createHash | typeof createHmac>;

export class Sha256 implements Checksum {
  readonly #start: () => State;
  #state: State;

  constructor(secret?: SourceData) {
    this.#start = () => (secret === undefined ? createHash('sha256') : createHmac('sha256', bytes(secret)));
    this.#state = this.#start();
  }

  update(data: SourceData): void {
    this.#state.update(bytes(data));
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#state.digest());
  }

  reset(): void {
    this.#state = this.#start();
  }
}

function bytes(data: SourceData): string | Uint8Array {
  if (typeof data === 'string') return data;
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
