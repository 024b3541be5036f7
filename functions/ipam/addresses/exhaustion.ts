/** What a search for an address has seen, and the refusal when a pool has none left. */
import { formatCidr } from '../../../protocol/address.ts';
import type { Deps } from '../deps.ts';
import type { PoolId } from '../pool-id.ts';
import { hostTagOf } from '../ref.ts';
import { Refusal } from '../refusal.ts';
import { MIN_COOLDOWN_MS } from '../space.ts';
import { type DecodedChunk, type LastResort, type Span, lastResorts, slotsWithin } from './search.ts';

/** The most hosts that an error names. */
const MAX_NAMED_HOSTS = 3;

export class Tally {
  /** Other calls kept winning what was free: there may be more. */
  contended = false;
  examined = 0n;
  reserved = 0;
  readonly lastResorts: LastResort[] = [];
  /** How many addresses each network leases, by the name of its reference. */
  readonly #leases = new Map<string, number>();

  /** @param cooledBy what was freed before this time (ms) has rested. */
  count(chunk: DecodedChunk, span: Span, cooledBy: number): void {
    const slots = slotsWithin(chunk.index, span);
    this.examined += BigInt(slots.length);
    for (const slot of slots) {
      const state = chunk.states[slot];
      if (state?.kind === 'reserved') this.reserved++;
      if (state?.kind === 'leased') this.#leases.set(state.ref, (this.#leases.get(state.ref) ?? 0) + 1);
    }
    this.lastResorts.push(...lastResorts(chunk, span, cooledBy));
  }

  get leased(): number {
    return [...this.#leases.values()].reduce((sum, leases) => sum + leases, 0);
  }

  /** The hosts that lease the most, each with one of its references. */
  largestHolders(): { ref: string; leases: number }[] {
    const byHost = new Map<string, { ref: string; leases: number }>();
    for (const [ref, leases] of this.#leases) {
      const holder = byHost.get(hostTagOf(ref)) ?? { ref, leases: 0 };
      byHost.set(hostTagOf(ref), { ...holder, leases: holder.leases + leases });
    }
    return [...byHost.values()].sort((a, b) => b.leases - a.leases).slice(0, MAX_NAMED_HOSTS);
  }
}

/** @throws Refusal always: `busy` when a retry may succeed, else `no-address-left`. */
export async function refuseFull(deps: Deps, id: PoolId, span: Span, tally: Tally): Promise<never> {
  if (tally.contended) throw new Refusal('busy', noAddress(id, 'others kept taking what was free; try again'));
  const all = span.last - span.first + 1n;
  const found =
    tally.examined < all
      ? `no free address found in ${tally.examined} examined`
      : `none of its ${all === 1n ? 'one address' : `${all} addresses`} is free`;
  const larger = id.subPool === undefined ? 'subnet' : '--ip-range';
  const uses = [await held(deps, id, tally), reserved(tally), resting(deps, tally)].filter((use) => use !== '');
  throw new Refusal(
    'no-address-left',
    noAddress(
      id,
      `${found} (${uses.join('; ')}); remove containers that are not needed, or create the network with a larger ${larger}`,
    ),
  );
}

async function held({ store }: Deps, { generation }: PoolId, tally: Tally): Promise<string> {
  const holders = await Promise.all(
    tally.largestHolders().map(async ({ ref, leases }) => {
      // A failed look-up must not replace the refusal, which is only less detailed then.
      const known = await store.readRef(generation, ref).catch(() => undefined);
      return { host: `host ${known?.hostId ?? 'unknown'}`, leases };
    }),
  );
  const [first] = holders;
  if (first === undefined) return '';
  if (first.leases === tally.leased) return `${tally.leased} held by ${first.host}`;
  const named = holders.reduce((sum, { leases }) => sum + leases, 0);
  const list = holders.map(({ host, leases }) => `${leases} by ${host}`).join(', ');
  return `${tally.leased} held, ${named < tally.leased ? 'among them ' : ''}${list}`;
}

const reserved = ({ reserved: count }: Tally): string =>
  count === 0 ? '' : `${count} reserved as gateway or auxiliary address`;

function resting({ world }: Deps, { lastResorts: left }: Tally): string {
  const [first, ...rest] = left.map(({ releasedAt }) => releasedAt + MIN_COOLDOWN_MS - world.now());
  if (first === undefined) return '';
  const seconds = Math.max(1, Math.ceil(Math.min(first, ...rest) / 1_000));
  return `${left.length} resting after release, so try again in ${seconds} s`;
}

export const noAddress = ({ cidr, subPool }: PoolId, why: string): string =>
  `no available addresses on this pool (${formatCidr(cidr)}` +
  `${subPool === undefined ? '' : `, range ${formatCidr(subPool)}`}): ${why}`;
