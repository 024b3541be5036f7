/** Which container had which address from when to when, as docker's users see it. */

export interface Tenancy {
  readonly host: string;
  readonly container: string;
  readonly address: string;
  /** When the container was seen to have it. */
  readonly from: number;
  /** The time just before its release. `undefined`: it is still held. */
  until: number | undefined;
}

/** Each tenancy is recorded for less than its true time, so two that overlap here did overlap in fact. */
export class Ledger {
  readonly #now: () => number;
  readonly #tenancies: Tenancy[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  get tenancies(): readonly Tenancy[] {
    return this.#tenancies;
  }

  get addresses(): ReadonlySet<string> {
    return new Set(this.#tenancies.map(({ address }) => address));
  }

  /** Called after the container was seen with its address. */
  moveIn(host: string, container: string, address: string): void {
    this.#tenancies.push({ host, container, address, from: this.#now(), until: undefined });
  }

  /** Called before the container is stopped. */
  moveOut(host: string, container: string): void {
    for (const tenancy of this.#tenancies) {
      if (tenancy.host === host && tenancy.container === container) tenancy.until ??= this.#now();
    }
  }

  /** Called before all containers of a host are stopped. */
  allOut(host: string): void {
    for (const tenancy of this.#tenancies) if (tenancy.host === host) tenancy.until ??= this.#now();
  }

  /** Every address that two containers had at once, with both. */
  heldTwice(): string[] {
    const byAddress = Map.groupBy(this.#tenancies, ({ address }) => address);
    return [...byAddress.values()].flatMap(clashes);
  }
}

function clashes(tenancies: readonly Tenancy[]): string[] {
  const inOrder = tenancies.toSorted((a, b) => a.from - b.from);
  return inOrder.flatMap((first, i) =>
    inOrder
      .slice(i + 1)
      .filter((second) => second.from < (first.until ?? Infinity))
      .map((second) => `${first.address}: ${nameOf(first)} and ${nameOf(second)}`),
  );
}

const nameOf = ({ host, container }: Tenancy): string => `${container} on ${host}`;
