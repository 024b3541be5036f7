/**
 * Looks for damage in one page of the table. The table goes on changing meanwhile, and its pages are no snapshot: so what
 * does not fit together is read again, in an order that proves that it was so at one time. Nothing is locked or changed.
 *
 * A page holds no more than its items and what they name; what it finds does not depend on other pages. So neither the
 * function nor who asks it keeps anything of the table but the findings.
 */
import { checkChunks } from './chunks.ts';
import { checkCounts } from './counts.ts';
import { type Finding } from './finding.ts';
import { checkNames } from './names.ts';
import { checkPools } from './pools.ts';
import { checkRefs } from './refs.ts';
import type { Look } from './look.ts';

/** The items of a page, 1 KB each at most: 8,000 addresses. */
export const PAGE_ITEMS = 500;

export interface CheckedPage {
  readonly findings: readonly Finding[];
  /** Items that were read. */
  readonly items: number;
  /** Where the next page begins. `undefined`: this was the last. */
  readonly next: string | undefined;
}

/** @param from where the page before has ended. */
export async function checkPage(look: Look, from: string | undefined, limit = PAGE_ITEMS): Promise<CheckedPage> {
  const { items, unreadable, next } = await look.table.readItems(from, limit);
  const found = [
    ...unreadable.map(malformed),
    ...(await checkPools(
      look,
      items.flatMap((item) => (item.kind === 'pool' ? [item.pool] : [])),
    )),
    ...(await checkNames(
      look,
      items.flatMap((item) => (item.kind === 'name' ? [item.name] : [])),
    )),
    ...(await checkRefs(
      look,
      items.flatMap((item) => (item.kind === 'ref' ? [item.ref] : [])),
    )),
    ...(await checkChunks(
      look,
      items.flatMap((item) => (item.kind === 'chunk' ? [item] : [])),
    )),
    ...items.flatMap((item) => (item.kind === 'sweep' ? checkCounts(item.cursor) : [])),
  ];
  return { findings: found, items: items.length + unreadable.length, next };
}

const malformed = (reason: string): Finding => ({
  damage: 'malformed item',
  where: 'the table',
  what: reason,
  isLeftover: false,
  subject: { of: 'text', text: reason },
});
