/** The refusal when a space has no room for an automatic pool. */
import { type Range, cidrRange, formatAddress, formatCidr, rangesOverlap } from '../../../protocol/address.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import { MAX_NAMED_ITEMS, listed } from '../quote.ts';
import { Refusal } from '../refusal.ts';
import { poolsWithin } from './limits.ts';
import type { Area, Survey } from './survey.ts';

/** The most pools that an error counts. */
const MAX_COUNTED_POOLS = 2_000;

/** What a refusal says, apart from what its survey has found. */
export interface Circumstances {
  /** The host's own routes and name servers. */
  readonly avoid: readonly Range[];
  /** An earlier request began the survey. */
  readonly isRecalled: boolean;
}

/** @throws Refusal always. */
export async function refuseExhausted(
  deps: Deps,
  call: Call,
  survey: Survey,
  { avoid, isRecalled }: Circumstances,
): Promise<never> {
  const { space, ring } = survey.area;
  const ranges = ring.parts.map(({ range }) => range);
  const held = survey.isComplete
    ? { creators: survey.creators, isAll: true }
    : await countCreators(deps, call, survey.area);
  const reached = avoid
    .filter((route) => ranges.some((range) => rangesOverlap(cidrRange(range), route)))
    .map(rangeText);
  const routes = reached.length === 0 ? '' : ` (${listed(reached)})`;
  const age = isRecalled ? `, as of ${secondsSince(survey.began, deps.world.now())} s ago` : '';
  throw new Refusal(
    'no-pool-left',
    `all predefined address pools have been fully subnetted: no /${ring.size} is free in ` +
      `${ranges.map(formatCidr).join(', ')} of space ${space}, ` +
      `outside what the space excludes and this host's own routes${routes}${age}` +
      `${heldText(held, isRecalled && !survey.isComplete)}; ` +
      'remove unused networks (docker network prune), choose a longer prefix (--ipam-opt berth.size) ' +
      'or give the space more ranges',
  );
}

interface Held {
  /** How many pools each host has created. */
  readonly creators: ReadonlyMap<string, number>;
  readonly isAll: boolean;
}

/** Counts the pools of an area that no survey has read, since a host's own routes leave no room anyway, up to a bound. */
async function countCreators({ store, world }: Deps, call: Call, { space, ring }: Area): Promise<Held> {
  const creators = new Map<string, number>();
  let counted = 0;
  for (const { range } of ring.parts) {
    for await (const { createdBy } of poolsWithin(store, space, range)) {
      if (counted >= MAX_COUNTED_POOLS || world.now() >= call.deadline) return { creators, isAll: false };
      creators.set(createdBy, (creators.get(createdBy) ?? 0) + 1);
      counted++;
    }
  }
  return { creators, isAll: true };
}

/** @param isLater counted later than the rest of the refusal says. */
function heldText({ creators, isAll }: Held, isLater: boolean): string {
  const all = [...creators.values()].reduce((sum, count) => sum + count, 0);
  if (all === 0) return '';
  const most = [...creators]
    .sort(([, a], [, b]) => b - a)
    .slice(0, MAX_NAMED_ITEMS)
    .map(([host, count]) => `${count} by ${host}`);
  return ` (${all}${isAll ? '' : ' or more'} pools held${isLater ? ' now' : ''}, created ${most.join(', ')})`;
}

const secondsSince = (began: number, now: number): number => Math.max(1, Math.ceil((now - began) / 1_000));

function rangeText({ family, first, last }: Range): string {
  const from = formatAddress({ family, value: first });
  return first === last ? from : `${from} to ${formatAddress({ family, value: last })}`;
}
