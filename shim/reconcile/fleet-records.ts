/** Asks the functions what the table says that this host has. */
import * as v from 'valibot';
import {
  type HoldingsMessage,
  type NetworksAnswer,
  type NetworksMessage,
  type ReviveMessage,
  holdingsAnswer,
  networksAnswer,
  reviveAnswer,
} from '../../protocol/host-messages.ts';
import { MAX_ADDRESSES, MAX_ENDPOINTS, MAX_FURTHER_NETWORKS, MAX_KNOWN_NETWORKS } from '../../protocol/limits.ts';
import type { Verdict } from '../cloud/verdict.ts';

export interface Lease {
  readonly address: string;
  /** The key of the request that it was granted to. */
  readonly key: string;
}

/** A network of this host, according to the table. */
export interface FleetNetwork {
  readonly poolId: string;
  /** The same for all PoolIDs of one network. */
  readonly key: string;
  readonly pool: string;
  /** `gone`: the fleet gave it up, or it was released. */
  readonly state: 'live' | 'draining' | 'dormant' | 'reviving' | 'gone';
  /** It is held by the machine that was this host before. */
  readonly isFormers: boolean;
  readonly leases: readonly Lease[];
  /** Addresses that Docker has there and that others hold. */
  readonly others: readonly { readonly address: string; readonly holder: string }[];
}

export interface Endpoint {
  readonly address: string;
  readonly mac: string;
  readonly name: string;
}

/** The functions did not answer as expected, so nothing may be concluded. */
export class FleetRecordsError extends Error {}

export type Ask = (path: string, message: object) => Promise<Verdict>;

/** The addresses that Docker has in a pool. */
type AddressesIn = (pool: string) => readonly string[];

type Beginning = Omit<v.InferOutput<typeof holdingsAnswer>, 'Further'>;

export class FleetRecords {
  readonly #send: Ask;

  constructor(send: Ask) {
    this.#send = send;
  }

  /**
   * The networks of this host: those that dockerd was given, and the others that the table lists.
   *
   * @param known PoolIDs.
   * @param addresses that Docker has in a pool: the answer says who holds them.
   * @throws FleetRecordsError
   */
  async networks(known: readonly string[], addresses: AddressesIn): Promise<FleetNetwork[]> {
    const found = await this.#holdingsOf(known, addresses);
    const keys = new Set(found.map(({ key }) => key));
    const listed = await this.#listed([...keys].slice(0, MAX_KNOWN_NETWORKS));
    const others = listed.filter(({ Network }) => !keys.has(Network)).map(({ PoolID }) => PoolID);
    return [...found, ...(await this.#holdingsOf(others, addresses))];
  }

  /** @param known keys of networks that the list may leave out. */
  async #listed(known: string[]): Promise<NetworksAnswer['Networks']> {
    const listed = [];
    for (let after: unknown = null; ;) {
      const page: v.InferOutput<typeof networksAnswer> = await this.#tell(
        '/Berth.Networks',
        { After: after, ...(known.length > 0 && { Known: known }) } satisfies NetworksMessage,
        networksAnswer,
      );
      listed.push(...page.Networks);
      if (page.Next === null) return listed;
      after = page.Next;
    }
  }

  /** Asks for many networks at once. Earlier functions answer for the first one only, and are asked for the next ones. */
  async #holdingsOf(poolIds: readonly string[], addresses: AddressesIn): Promise<FleetNetwork[]> {
    const found: FleetNetwork[] = [];
    for (let at = 0; at < poolIds.length;) {
      const [poolId = '', ...further] = poolIds.slice(at, at + 1 + MAX_FURTHER_NETWORKS);
      const { Further, ...first } = await this.#ask({
        PoolID: poolId,
        ...(further.length > 0 && { Further: further }),
      });
      const answers = [first, ...Further.slice(0, further.length)];
      for (const answer of answers) found.push(...(await this.#complete(poolIds[at++] ?? '', answer, addresses)));
    }
    return found;
  }

  /** @param beginning of what a network holds. @returns an empty list for a swarm's plan. */
  async #complete(poolId: string, beginning: Beginning, addressesOf: AddressesIn): Promise<FleetNetwork[]> {
    if (beginning.Plan) return [];
    const { Network: key, Pool: pool, State: state, Former: isFormers } = beginning;
    const leases = new Map<string, Lease>();
    const others: { address: string; holder: string }[] = [];
    const take = (page: Beginning): void => {
      for (const { Address, Key } of page.Leases) leases.set(Address, { address: Address, key: Key });
      others.push(...page.Others.map(({ Address, Holder }) => ({ address: Address, holder: Holder })));
    };
    take(beginning);
    for (let next = beginning.Next; next !== null;) {
      const page = await this.#ask({ PoolID: poolId, After: next });
      take(page);
      next = page.Next;
    }
    // What this host leases was just told: only the holders of the rest are unknown.
    const rest = addressesOf(pool).filter((address) => !leases.has(address));
    for (const some of parts(rest, MAX_ADDRESSES)) take(await this.#ask({ PoolID: poolId, Addresses: [...some] }));
    return [{ poolId, key, pool, state, isFormers, leases: [...leases.values()], others }];
  }

  #ask(question: HoldingsMessage): Promise<v.InferOutput<typeof holdingsAnswer>> {
    return this.#tell('/Berth.Holdings', question, holdingsAnswer);
  }

  /**
   * Takes up a network again that the fleet has given up.
   *
   * @returns the addresses that others got in the meantime.
   * @throws FleetRecordsError
   */
  async revive(
    poolId: string,
    { gateway, reserved }: { readonly gateway: string; readonly reserved: readonly string[] },
    endpoints: readonly Endpoint[],
  ): Promise<FleetNetwork['others']> {
    const batches = parts(endpoints, MAX_ENDPOINTS);
    if (batches.length === 0) batches.push([]);
    const lost: { address: string; holder: string }[] = [];
    for (const [i, batch] of batches.entries()) {
      const message = {
        PoolID: poolId,
        Gateway: gateway === '' ? null : gateway,
        Reserved: [...reserved],
        Held: batch.map(({ address, mac, name }) => ({ Address: address, MacAddress: mac, Name: name })),
        Last: i === batches.length - 1,
      } satisfies ReviveMessage;
      const { Taken } = await this.#tell('/Berth.Revive', message, reviveAnswer);
      lost.push(...Taken.map(({ Address, Holder }) => ({ address: Address, holder: Holder })));
    }
    return lost;
  }

  async #tell<Schema extends v.GenericSchema>(
    path: string,
    message: object,
    schema: Schema,
  ): Promise<v.InferOutput<Schema>> {
    const verdict = await this.#send(path, message);
    if (verdict.kind === 'failed') throw new FleetRecordsError(verdict.reason);
    if (verdict.refusal !== undefined) throw new FleetRecordsError(verdict.refusal);
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), verdict.text);
    if (parsed.success) return parsed.output;
    throw new FleetRecordsError(`unexpected response, not from this version of Berth: ${verdict.text.slice(0, 200)}`);
  }
}

const parts = <T>(list: readonly T[], size: number): (readonly T[])[] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));
