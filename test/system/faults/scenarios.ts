/** The calls of dockerd, each ready to be made, and the faults that they meet. */
import { GATEWAY, MAC, named } from '../../support/fleet.ts';
import type { Fault } from '../../support/faults.ts';
import { nonsense, refusals } from '../../support/wire-answers.ts';
import { type Method } from '../../../protocol/methods.ts';
import { type Dockerd, type Told, bare } from './dockerd.ts';

export interface Scenario {
  readonly method: Method;
  /** Does what must precede the call, without a fault, in a separate subnet. @returns the call. */
  readonly prepare: (dockerd: Dockerd, subnet: Subnet) => Promise<() => Promise<Told>>;
}

export interface Subnet {
  readonly cidr: string;
  /** An address in it. */
  readonly address: string;
}

const endpointOf = (name: string) => ({ ...MAC, ...named(name) });

async function network(dockerd: Dockerd, subnet: Subnet): Promise<string> {
  const { error, poolId } = await dockerd.requestPool(subnet.cidr);
  if (error !== undefined) throw new Error(error);
  return poolId;
}

/** Each network also has an endpoint that must stay. */
async function inhabited(dockerd: Dockerd, subnet: Subnet): Promise<{ poolId: string; held: string }> {
  const poolId = await network(dockerd, subnet);
  const { error, address } = await dockerd.requestAddress(poolId, '', endpointOf('resident'));
  if (error !== undefined) throw new Error(error);
  return { poolId, held: bare(address) };
}

export const scenarios: Readonly<Record<string, Scenario>> = {
  'RequestPool for any subnet': {
    method: 'RequestPool',
    prepare: (dockerd) => Promise.resolve(() => dockerd.requestPool('')),
  },
  'RequestPool for a given subnet': {
    method: 'RequestPool',
    prepare: (dockerd, { cidr }) => Promise.resolve(() => dockerd.requestPool(cidr)),
  },
  'RequestPool for a subnet that is shared': {
    method: 'RequestPool',
    prepare: async (dockerd, subnet) => {
      await inhabited(dockerd, subnet);
      return () => dockerd.requestPool(subnet.cidr);
    },
  },
  'RequestAddress for any address': {
    method: 'RequestAddress',
    prepare: async (dockerd, subnet) => {
      const { poolId } = await inhabited(dockerd, subnet);
      return () => dockerd.requestAddress(poolId, '', endpointOf('newcomer'));
    },
  },
  'RequestAddress for a given address': {
    method: 'RequestAddress',
    prepare: async (dockerd, subnet) => {
      const poolId = await network(dockerd, subnet);
      return () => dockerd.requestAddress(poolId, subnet.address, endpointOf('newcomer'));
    },
  },
  'RequestAddress for a gateway': {
    method: 'RequestAddress',
    prepare: async (dockerd, subnet) => {
      const { poolId } = await inhabited(dockerd, subnet);
      return () => dockerd.requestAddress(poolId, '', GATEWAY);
    },
  },
  'RequestPool, released at once': {
    method: 'RequestPool',
    prepare: (dockerd, { cidr }) =>
      Promise.resolve(async () => {
        const told = await dockerd.requestPool(cidr);
        return told.error === undefined ? dockerd.releasePool(told.poolId) : told;
      }),
  },
  'RequestAddress, released at once': {
    method: 'RequestAddress',
    prepare: async (dockerd, subnet) => {
      const { poolId } = await inhabited(dockerd, subnet);
      return async () => {
        const told = await dockerd.requestAddress(poolId, '', endpointOf('passer-by'));
        return told.error === undefined ? dockerd.releaseAddress(poolId, bare(told.address)) : told;
      };
    },
  },
  ReleaseAddress: {
    method: 'ReleaseAddress',
    prepare: async (dockerd, subnet) => {
      const { poolId, held } = await inhabited(dockerd, subnet);
      return () => dockerd.releaseAddress(poolId, held);
    },
  },
  ReleasePool: {
    method: 'ReleasePool',
    prepare: async (dockerd, subnet) => {
      const { poolId } = await inhabited(dockerd, subnet);
      return () => dockerd.releasePool(poolId);
    },
  },
  'ReleasePool of a subnet that is shared': {
    method: 'ReleasePool',
    prepare: async (dockerd, subnet) => {
      await inhabited(dockerd, subnet);
      const poolId = await network(dockerd, subnet);
      return () => dockerd.releasePool(poolId);
    },
  },
};

/** ms; together shorter than the bound after which the tests treat nothing as in flight. */
const SOON = 250;
const AFTER_THE_REPEAT = 1_000;

const answers = (all: typeof nonsense, carriedOut: boolean): (readonly [string, Fault])[] =>
  Object.entries(all).map(([what, answer]) => [
    `${what}${carriedOut ? ', the request carried out' : ''}`,
    { kind: 'answer', answer, carriedOut },
  ]);

/** AWS returns these before a function runs, or after it has run. */
const ambiguous = Object.fromEntries(Object.entries(refusals).filter(([what]) => /5\d\d/.test(what)));

/** Faults that break a connection, lose a request or its answer, or are errors of AWS in front of a function. */
export const faults: readonly (readonly [string, Fault])[] = [
  ['a connection that breaks before the function sees the request', { kind: 'drop-before' }],
  ['a connection that breaks before the answer is back', { kind: 'drop-after' }],
  ['a connection that breaks while the request is sent', { kind: 'reset' }],
  ['a request that arrives late', { kind: 'late', ms: SOON }],
  ['a request that arrives after its repeat', { kind: 'late', ms: AFTER_THE_REPEAT }],
  ['half an answer', { kind: 'truncate' }],
  ['no answer, the request lost', { kind: 'hang', carriedOut: false }],
  ['no answer, the request carried out', { kind: 'hang', carriedOut: true }],
  ...answers(refusals, false),
  ...answers(ambiguous, true),
];

/** Answers of another server, whether the function got the request or not. */
export const strangers: readonly (readonly [string, Fault])[] = [
  ...answers(nonsense, true),
  ...answers(nonsense, false),
];

/** Faults that do no harm. */
export const nuisances: readonly (readonly [string, Fault])[] = [
  ['a delayed request', { kind: 'delay', ms: SOON }],
  ['an answer that arrives byte by byte', { kind: 'drip', pause: 1 }],
];

/** A request that an intermediary repeats. */
export const duplicates: readonly (readonly [string, Fault])[] = [
  ['a request that is sent twice, in turn', { kind: 'duplicate', order: 'in turn' }],
  ['a request that is sent twice at once', { kind: 'duplicate', order: 'at once' }],
];
