/** Numbers that a sweep keeps. */
import type { PoolUse, SweepCursor } from '../sweep-cursor.ts';
import type { Finding } from './finding.ts';

/** The usable addresses of a /28: smaller pools may be kept in full, and beyond. */
const MIN_COUNTED_ADDRESSES = 14;

/** A sweep counts each address once, so no more are held than there are. */
export function checkCounts({ usage }: SweepCursor): Finding[] {
  if (usage === undefined) return [];
  return [...usage.fullest, ...Object.values(usage.open)].filter(isOff).map(({ space, cidr, held, size }) => ({
    damage: 'counter off',
    where: `${cidr} of space ${space}`,
    what: `the sweep has counted ${held} held addresses of ${size}`,
    isLeftover: false,
    subject: { of: 'text', text: `sweep ${space} ${cidr} ${held}` },
  }));
}

const isOff = ({ held, size }: PoolUse): boolean => held < 0 || (held > size && size >= MIN_COUNTED_ADDRESSES);
