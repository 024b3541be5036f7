/** Names of shared pools: each pool was made for one. */
import { formatCidr } from '../../../protocol/address.ts';
import { sideBySide } from '../all-settled.ts';
import type { Finding } from './finding.ts';
import type { Look } from './look.ts';
import type { NamedPool } from '../table-view.ts';

/** Names outlive their pools, so only those of a pool that exists matter. */
export async function checkNames({ table }: Look, names: readonly NamedPool[]): Promise<Finding[]> {
  const bySpace = [...Map.groupBy(names, ({ space }) => space)];
  const found = await sideBySide(bySpace, async ([space, some]) => {
    const wanted = new Set(some.map(({ generation }) => generation));
    const all: NamedPool[] = [];
    for await (const page of table.namesOf(space)) all.push(...page.filter(({ generation }) => wanted.has(generation)));
    return [...Map.groupBy(all, ({ generation }) => generation).values()].filter((same) => same.length > 1);
  });
  const standing = await sideBySide(found.flat(), async (same) => {
    const [first] = same;
    const pool = first && (await table.readPool(first.space, first.cidr));
    return first !== undefined && pool?.generation === first.generation ? [finding(first, same)] : [];
  });
  return standing.flat();
}

function finding({ space, cidr, generation }: NamedPool, same: readonly NamedPool[]): Finding {
  const all = same.map(({ name }) => name).join(' and ');
  return {
    damage: 'two names for one pool',
    where: `${formatCidr(cidr)} of space ${space}`,
    what: `${all} both name it`,
    isLeftover: false,
    subject: { of: 'text', text: `${generation} ${all}` },
  };
}
