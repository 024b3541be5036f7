/**
 * Which machine a host runs on, by its hardware and its cloud. A copy of a disk has the same files, but runs on another
 * machine (docs/decisions/0014-which-machine-is-a-host.md).
 */

/** Hashes, since serial numbers are private. What a machine does not know is left out. */
export interface MachinePrint {
  /** A name that an operator has given the machine (`--machine`). It takes precedence over all else. */
  readonly given?: string;
  /** The EC2 instance. */
  readonly instance?: string;
  /** The UUID of its firmware. */
  readonly product?: string;
  /** MAC addresses of its network cards. */
  readonly macs?: readonly string[];
}

/**
 * Whether two prints are of one machine, by the first of these fields that both have. One network card in common is
 * enough: cards are added and replaced.
 *
 * @returns `undefined`: they have nothing to compare.
 */
export function isSameMachine(one: MachinePrint, other: MachinePrint): boolean | undefined {
  for (const name of ['given', 'instance', 'product'] as const) {
    if (one[name] !== undefined && other[name] !== undefined) return one[name] === other[name];
  }
  const { macs = [] } = one;
  const { macs: others = [] } = other;
  if (macs.length === 0 || others.length === 0) return undefined;
  return macs.some((mac) => others.includes(mac));
}
