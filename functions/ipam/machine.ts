/**
 * Which machine a host runs on, by what its hardware and its cloud say. A copy of a disk has the same files, and runs on
 * another machine (docs/decisions/0014-which-machine-is-a-host.md).
 */

/** Hashes, since a serial number is nobody else's business. What a machine does not tell is left out. */
export interface MachinePrint {
  /** A name that whoever set the machine up has given it (`--machine`): it stands before all else. */
  readonly given?: string;
  /** The EC2 instance. */
  readonly instance?: string;
  /** The UUID that its firmware has. */
  readonly product?: string;
  /** MAC addresses of its network cards. */
  readonly macs?: readonly string[];
}

/**
 * Whether two tell of one machine, by the first of these that both tell. One network card in common is enough: cards are
 * added and exchanged.
 *
 * @returns `undefined`: nobody knows.
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
