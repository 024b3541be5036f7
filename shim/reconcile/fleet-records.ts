/** Asks the functions what the table says that this host has. */
import * as v from 'valibot';
import {
  type HoldingsMessage,
  type NetworksMessage,
  type ReviveMessage,
  holdingsAnswer,
  networksAnswer,
  reviveAnswer,
} from '../../protocol/host-messages.ts';
import { MAX_ADDRESSES, MAX_ENDPOINTS } from '../../protocol/limits.ts';
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

export class FleetRecords {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /**
   * The networks of this host: those that dockerd was given, and the others that the table lists.
   *
   * @param known PoolIDs.
   * @param addresses that Docker has in a pool: the answer says who holds them.
   * @throws TableError
   */
  async networks(known: readonly string[], addresses: (pool: string) => readonly string[]): Promise<FleetNetwork[]> {
    const found: FleetNetwork[] = [];
    for (const poolId of known) found.push(...(await this.#holdings(poolId, addresses)));
    const keys = new Set(found.map(({ key }) => key));
    for (const { PoolID, Network } of await this.#listed()) {
      if (keys.has(Network)) continue;
      found.push(...(await this.#holdings(PoolID, addresses)));
    }
    return found;
  }

  async #listed(): Promise<v.InferOutput<typeof networksAnswer>['Networks']> {
    const listed = [];
    for (let after: unknown = null; ;) {
      const page: v.InferOutput<typeof networksAnswer> = await this.#tell(
        '/Berth.Networks',
        { After: after } satisfies NetworksMessage,
        networksAnswer,
      );
      listed.push(...page.Networks);
      if (page.Next === null) return listed;
      after = page.Next;
    }
  }

  /** @returns an empty list for a swarm's plan. */
  async #holdings(poolId: string, addressesOf: (pool: string) => readonly string[]): Promise<FleetNetwork[]> {
    const leases = new Map<string, Lease>();
    const others: { address: string; holder: string }[] = [];
    const take = (page: v.InferOutput<typeof holdingsAnswer>): void => {
      for (const { Address, Key } of page.Leases) leases.set(Address, { address: Address, key: Key });
      others.push(...page.Others.map(({ Address, Holder }) => ({ address: Address, holder: Holder })));
    };
    const ask = (asked: Omit<HoldingsMessage, 'PoolID'>) =>
      this.#tell('/Berth.Holdings', { PoolID: poolId, ...asked }, holdingsAnswer);
    let page = await ask({});
    const { Network: key, Pool: pool, State: state, Former: isFormers } = page;
    if (page.Plan) return [];
    take(page);
    while (page.Next !== null) {
      page = await ask({ After: page.Next });
      take(page);
    }
    // What this host leases was just told: only the holders of the rest are unknown.
    const rest = addressesOf(pool).filter((address) => !leases.has(address));
    for (const some of parts(rest, MAX_ADDRESSES)) take(await ask({ Addresses: [...some] }));
    return [{ poolId, key, pool, state, isFormers, leases: [...leases.values()], others }];
  }

  /**
   * Takes up a network again that the fleet has given up.
   *
   * @returns the addresses that others got in the meantime.
   * @throws TableError
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
    const verdict = await this.#ask(path, message);
    if (verdict.kind === 'failed') throw new FleetRecordsError(verdict.reason);
    if (verdict.refusal !== undefined) throw new FleetRecordsError(verdict.refusal);
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), verdict.text);
    if (parsed.success) return parsed.output;
    throw new FleetRecordsError(`unexpected response, not from this version of Berth: ${verdict.text.slice(0, 200)}`);
  }
}

const parts = <T>(list: readonly T[], size: number): (readonly T[])[] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));
