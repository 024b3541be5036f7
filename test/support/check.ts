/** A check of a whole table, page by page, as the command does it. */
import { type Finding, idOf } from '../../functions/ipam/check/finding.ts';
import { checkPage } from '../../functions/ipam/check/page.ts';
import { viewOver } from '../../functions/dynamo/open-table-view.ts';
import type { World } from '../../functions/ipam/world.ts';
import type { EngineStore } from './engine-store.ts';

export interface Checked {
  readonly findings: readonly Finding[];
  readonly items: number;
  readonly pages: number;
}

/** @param limit items of a page. */
export async function checkAll(
  { client, table }: Pick<EngineStore, 'client' | 'table'>,
  world: World,
  limit?: number,
): Promise<Checked> {
  const view = viewOver(client, table, world);
  const found = new Map<string, Finding>();
  let from: string | undefined;
  let [items, pages] = [0, 0];
  do {
    const page = await checkPage({ table: view, now: world.now() }, from, limit);
    for (const finding of page.findings) found.set(idOf(finding), finding);
    items += page.items;
    pages++;
    from = page.next;
  } while (from !== undefined);
  return { findings: [...found.values()], items, pages };
}

/** As people read it: the damage, and where it is. */
export const lineOf = ({ damage, where, isLeftover }: Finding): string =>
  `${damage}: ${where}${isLeftover ? ' (left for the sweep)' : ''}`;
