/**
 * PoolID: the name by which Docker knows a network's share of a pool. Docker keeps it for years and sends it back with
 * every request, so it carries all that is needed to find the pool's items without a look-up. Docker does not interpret
 * it. Only this file knows its form; `trusted-pool-id.ts` knows when one is trusted.
 */
import { type Cidr, formatCidr, parseCidr } from '../../protocol/address.ts';
import { isSpaceName } from '../../protocol/ids.ts';
import { DRIVERS, type Driver } from '../../protocol/methods.ts';
import type { Call } from './call.ts';
import { isGeneration } from './pool.ts';
import { quote } from './quote.ts';
import { hostTag, hostTagOf, isRefName } from './ref.ts';
import { Refusal } from './refusal.ts';
import { MAX_COOLDOWN_MS, MIN_COOLDOWN_MS } from './space.ts';
import { type World, digestText } from './world.ts';

export interface PoolId {
  readonly space: string;
  readonly cidr: Cidr;
  readonly subPool: Cidr | undefined;
  readonly generation: string;
  readonly ref: string;
  readonly order: Order;
  /** ms */
  readonly cooldown: number;
  readonly driver: Driver;
}

/**
 * How automatic addresses are chosen: by a hash of the endpoint, all over the pool (`spread`) or, in a large pool, near the
 * other addresses of the host (`by-host`), or the lowest free one (`serial`).
 */
export const ORDERS = ['spread', 'by-host', 'serial'] as const;
export type Order = (typeof ORDERS)[number];

/** What a PoolID says; anyone may have written it. */
export interface PoolIdClaim extends PoolId {
  /** Proves that the functions issued it. `undefined`: it is of the first version, which has no seal. */
  readonly seal: string | undefined;
}

/** The first version has no seal. */
const [UNSEALED, SEALED] = ['berth1', 'berth2'] as const;
/** What all versions, future ones too, have in common: the version's name first, and last a check over all before it. */
const ANY_VERSION = /^berth\d{1,4},/;
const CHECK_WIDTH = 6;
const NO_SUB_POOL = '-';

/** @param seal of the text that `sealedText` returns. `undefined`: in the form of the first version. */
export function encodePoolId(world: World, id: PoolId, seal: string | undefined): string {
  const body = seal === undefined ? `${UNSEALED},${fieldsOf(id)}` : `${SEALED},${fieldsOf(id)},${seal}`;
  return `${body},${digestText(world, body, CHECK_WIDTH)}`;
}

/** The text that is sealed: all that a PoolID says, and the one host that it is for. */
export const sealedText = (id: PoolId, hostId: string): string => `${SEALED},${fieldsOf(id)},${hostId}`;

const fieldsOf = (id: PoolId): string =>
  [
    id.space,
    formatCidr(id.cidr),
    id.subPool === undefined ? NO_SUB_POOL : formatCidr(id.subPool),
    id.generation,
    id.ref,
    id.order,
    String(id.cooldown),
    id.driver,
  ].join(',');

/**
 * Reads what a PoolID says. Its check finds damage, but anyone can compute it, so it proves nothing.
 *
 * @throws Refusal `foreign-pool` when the text is not a PoolID of ours, was damaged, or names a network of
 * another host than the caller. `newer-format` when it is of another version.
 */
export function decodePoolId(world: World, text: string, call: Pick<Call, 'hostId'>): PoolIdClaim {
  const id = parse(world, text);
  if (id === undefined) {
    throw new Refusal('foreign-pool', `invalid pool id: ${quote(text)} was not issued by Berth, or was damaged`);
  }
  if (hostTagOf(id.ref) !== hostTag(world, call.hostId)) throw othersPool(id, call);
  return id;
}

export const othersPool = ({ cidr, ref }: PoolId, { hostId }: Pick<Call, 'hostId'>): Refusal =>
  new Refusal(
    'foreign-pool',
    `invalid pool id: the network ${formatCidr(cidr)} (${ref}) belongs to another host, not to ${hostId}`,
  );

function parse(world: World, text: string): PoolIdClaim | undefined {
  const comma = text.lastIndexOf(',');
  const body = text.slice(0, comma);
  if (comma < 0 || text.slice(comma + 1) !== digestText(world, body, CHECK_WIDTH)) return undefined;
  refuseNewer(body);
  const [version, ...fields] = body.split(',');
  const seal = version === SEALED ? fields.pop() : undefined;
  const [space = '', pool = '', sub = '', generation = '', ref = '', order, cooldown = '', driver, ...more] = fields;
  const cidr = parseCidr(pool);
  const subPool = sub === NO_SUB_POOL ? undefined : parseCidr(sub);
  const sound =
    (version === UNSEALED || (version === SEALED && isSeal(seal))) &&
    more.length === 0 &&
    isSpaceName(space) &&
    (subPool !== undefined || sub === NO_SUB_POOL) &&
    isGeneration(generation) &&
    isRefName(ref) &&
    isCooldown(cooldown);
  if (!sound || cidr === undefined) return undefined;
  if (!isOneOf(ORDERS, order) || !isOneOf(DRIVERS, driver)) return undefined;
  return { space, cidr, subPool, generation, ref, order, cooldown: Number(cooldown), driver, seal };
}

const isOneOf = <T extends string>(list: readonly T[], text: string | undefined): text is T =>
  list.some((one) => one === text);

const isSeal = (text: string | undefined): boolean => /^[0-9a-z]{20}$/.test(text ?? '');

const isCooldown = (text: string): boolean =>
  /^\d{1,9}$/.test(text) && Number(text) >= MIN_COOLDOWN_MS && Number(text) <= MAX_COOLDOWN_MS;

/** The only other versions are newer: nothing came before the first. */
function refuseNewer(body: string): void {
  const [version] = ANY_VERSION.exec(body) ?? [];
  if (version === undefined || version === `${UNSEALED},` || version === `${SEALED},`) return;
  throw new Refusal(
    'newer-format',
    `the pool id ${quote(body)} was issued by a newer version of Berth (it begins with ${version.slice(0, -1)}; these ` +
      `functions know ${SEALED}); upgrade the functions`,
  );
}
