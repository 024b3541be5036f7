/** Tests that Docker's own allocator passes and Berth does not, each with the row of docs/divergences.md that says why. */

export interface Difference {
  /** The failure of the test. */
  readonly says: RegExp;
  /** The first column of the row. */
  readonly row: string;
}

const RANGES =
  'The same subnet with the same `--ip-range` twice is refused, with another range granted, also where the ranges overlap.';
const OVERLAPS = 'Subnets may overlap where a network has an `--ip-range` (moby#46756).';

export const differences: ReadonlyMap<string, Difference> = new Map<string, Difference>([
  ['TestAddSubnets', { says: /on adding sub pool: .*was created with berth\.exclusive=true/, row: RANGES }],
  ['TestRequestFromSamePool', { says: /"invalid pool request", got .*was created with berth\.exclusive/, row: RANGES }],
  ['TestRequestReleaseAddressFromSubPool', { says: /Pool overlaps with other one on this/, row: OVERLAPS }],
  ['TestSerializeRequestReleaseAddressFromSubPool', { says: /Pool overlaps with other one on this/, row: OVERLAPS }],
  [
    'TestDoublePoolRelease',
    {
      says: /expected an error, got nil/,
      row: 'To release a pool twice fails, and so does a request to release an address of none.',
    },
  ],
  [
    'TestAddReleasePoolID',
    {
      says: /invalid string form for subnetkey: berth\d+,/,
      row: 'A PoolID is the space, the subnet and the range: the same each time.',
    },
  ],
  [
    'TestPredefinedPoolWithPreferredSubnetSize',
    {
      says: /Unexpected default network size: .*\/24 == 24/,
      row: "Automatic subnets have the sizes of the daemon's pools, such as /16 and /20.",
    },
  ],
  [
    'TestOverlappingRequests',
    { says: /74\.0\.0\.0\/7 is wider than \/8/, row: 'A subnet may be as wide as all there is.' },
  ],
  [
    'TestRequestPoolParallel',
    { says: /calls wait(ed)? (for Berth|before this one)/, row: 'Any number of requests are answered at once.' },
  ],
]);

/** Tests that are not run on Berth, and why: the network and the table take some milliseconds for each call. */
export const leftOut: ReadonlyMap<string, string> = new Map([
  ['TestFullAllocateRelease', 'some 15,000 calls: many minutes'],
  ['TestOddAllocateRelease', 'some 11,000 calls: many minutes'],
  ['TestRequestReleaseAddressDuplicate', 'some 20,000 calls: many minutes'],
  [
    'TestFullAllocateSerialReleaseParallel',
    'some 3,000 calls, and a search to the end of a full pool for each routine',
  ],
  ['TestOddAllocateSerialReleaseParallel', 'the same'],
  ['TestEvenAllocateSerialReleaseParallel', 'the same'],
]);
