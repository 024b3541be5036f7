/** A client that behaves like dockerd, and remembers what dockerd would believe to have. */
import { setTimeout as delay } from 'node:timers/promises';
import { CutOff, DockerConnection, NotConnected, type RawAnswer } from '../../support/docker-connection.ts';
import { type Method } from '../../../protocol/methods.ts';
import { type Answer, readAnswer } from './answers.ts';

/** ms between the attempts of dockerd's plugin client. */
export const DOCKER_PAUSES: readonly number[] = [1_000, 2_000, 4_000, 8_000];

export interface Told extends Answer {
  /** The connection broke during the call: the answer is to a repeat without a body. */
  readonly wasCut: boolean;
  /** Or dockerd has given up. */
  readonly isAnswered: boolean;
  readonly ms: number;
}

export class Dockerd {
  /** What it was given and has not released: addresses, without a prefix length, by PoolID. */
  readonly networks = new Map<string, Set<string>>();
  /** Releases that broke off or did not connect, which dockerd never repeats: PoolIDs, or a PoolID and an address. */
  readonly unknown = new Set<string>();
  /** Bodies of the requests that broke off. */
  readonly cut = new Set<string>();
  /** Answers that are not valid. */
  readonly oddities: string[] = [];
  readonly #socket: string;
  readonly #pauses: readonly number[];
  #connection: DockerConnection | undefined;

  constructor(socket: string, pauses = DOCKER_PAUSES) {
    this.#socket = socket;
    this.#pauses = pauses;
  }

  async requestPool(pool: string, options: Record<string, string> | null = null): Promise<Told> {
    const message = { AddressSpace: 'default', Pool: pool, SubPool: '', Options: options, V6: false };
    const told = await this.#call('RequestPool', message);
    if (isHeld(told)) this.networks.set(told.poolId, new Set());
    return told;
  }

  async requestAddress(poolId: string, address: string, options: Record<string, string>): Promise<Told> {
    const told = await this.#call('RequestAddress', { PoolID: poolId, Address: address, Options: options });
    const isGateway = 'RequestAddressType' in options;
    if (isHeld(told) && !isGateway) this.networks.get(poolId)?.add(bare(told.address));
    return told;
  }

  /** dockerd forgets it, whatever the answer. */
  async releaseAddress(poolId: string, address: string): Promise<Told> {
    this.networks.get(poolId)?.delete(address);
    const told = await this.#call('ReleaseAddress', { PoolID: poolId, Address: address });
    if (isLost(told)) this.unknown.add(`${poolId} ${address}`);
    return told;
  }

  async releasePool(poolId: string): Promise<Told> {
    this.networks.delete(poolId);
    const told = await this.#call('ReleasePool', { PoolID: poolId });
    if (isLost(told)) this.unknown.add(poolId);
    return told;
  }

  /** Unrequested bytes on its connection. */
  get surplus(): string {
    return this.#connection?.surplus ?? '';
  }

  close(): void {
    this.#connection?.close();
  }

  async #call(method: Method, message: object): Promise<Told> {
    const began = performance.now();
    const body = `${JSON.stringify(message)}\n`;
    const { result, wasCut } = await this.#insist(`/IpamDriver.${method}`, body);
    if (wasCut) this.cut.add(body);
    const isAnswered = !(result instanceof Error);
    const answer = isAnswered ? readAnswer(method, result) : { ...NOTHING, error: result.message };
    if (wasCut && answer.error === undefined) this.oddities.push(`${method} without a body was granted`);
    return { ...answer, wasCut, isAnswered, ms: performance.now() - began };
  }

  /** A request that was sent is repeated without its body (moby/moby#39331); one that was not sent is repeated unchanged. */
  async #insist(path: string, body: string): Promise<{ result: RawAnswer | Error; wasCut: boolean }> {
    let wasCut = false;
    for (let attempt = 0; ; attempt++) {
      try {
        return { result: await this.#attempt(path, wasCut ? '' : body), wasCut };
      } catch (error) {
        if (!(error instanceof CutOff || error instanceof NotConnected)) throw error;
        wasCut ||= error instanceof CutOff;
        const pause = this.#pauses[attempt];
        if (pause === undefined) return { result: error, wasCut };
        await delay(pause);
      }
    }
  }

  async #attempt(path: string, body: string): Promise<RawAnswer> {
    if (this.#connection?.isOpen !== true) this.#connection = await DockerConnection.open(this.#socket);
    if (this.surplus !== '') this.oddities.push(`unrequested bytes: ${this.surplus}`);
    return this.#connection.call(path, body);
  }
}

const NOTHING = { poolId: '', pool: '', address: '' };

/** The answer to a repeat has no receiver. */
const isHeld = ({ error, wasCut }: Told): boolean => error === undefined && !wasCut;

/** Whether the shim has read it is unknown. */
const isLost = ({ wasCut, isAnswered }: Told): boolean => wasCut || !isAnswered;

export const bare = (address: string): string => address.replace(/\/.*/, '');
