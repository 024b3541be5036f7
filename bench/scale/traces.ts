/** What each operation asks of the table, counted request by request on the embedded engine. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { ConditionalCheckFailedException, type ServiceInputTypes } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import { Bindings } from '../../functions/ipam/hosts/binding.ts';
import { beginningsOf, networksOf } from '../../functions/ipam/recovery/holdings.ts';
import { settleAddress } from '../../functions/ipam/recovery/settle.ts';
import { GATEWAY, Host, OPS, withMac } from '../../test/support/fleet.ts';
import { writeUnits } from '../../test/support/meter.ts';
import { type Setting, setting } from '../setting.ts';
import type { FunctionName } from './limits.ts';

/** The kinds of partition keys (functions/dynamo/keys.ts). */
export type Place = 'space' | 'refs' | 'chunks' | 'hosts' | 'other';

/** One request to the table. */
export interface Step {
  readonly place: Place;
  readonly isWrite: boolean;
  /** Capacity units of the table, and of its index. */
  readonly units: number;
  readonly indexUnits: number;
  /** It writes on exactly the value that was read, so that it fails if another caller wrote first. */
  readonly isExact: boolean;
}

/** Requests that are made at the same time, and then those that had to wait for them. */
export type Trace = readonly (readonly Step[])[];

const OPERATIONS = {
  handshake: 'capabilities',
  register: 'hosts',
  networks: 'hosts',
  holdings: 'hosts',
  settle: 'hosts',
  /** An automatic subnet, its gateway, and the end of both. */
  createPool: 'pools',
  gateway: 'addresses',
  releaseGateway: 'addresses',
  releasePool: 'pools',
  /** A given subnet that other hosts have, and its gateway. */
  joinPool: 'pools',
  joinGateway: 'addresses',
  requestAddress: 'addresses',
  releaseAddress: 'addresses',
} as const satisfies Readonly<Record<string, FunctionName>>;

export type Operation = keyof typeof OPERATIONS;
export const isOperation = (name: string): name is Operation => Object.hasOwn(OPERATIONS, name);
export const functionOf = (operation: Operation): FunctionName => OPERATIONS[operation];

export interface Traces extends Readonly<Record<Operation, Trace>> {
  /** What a call adds in an environment that has not served its host recently. */
  readonly binding: Trace;
}

/** How deep in a chain of requests each one was. */
class Recording {
  readonly stages: Step[][] = [];
  #ended = 0;

  /** @returns ends the request. */
  begin(): (step: Step) => void {
    const stage = this.#ended;
    return (step) => {
      (this.stages[stage] ??= []).push(step);
      this.#ended = Math.max(this.#ended, stage + 1);
    };
  }
}

const recordings = new AsyncLocalStorage<Recording>();

const units = v.object({ CapacityUnits: v.number() });
const consumed = v.object({ ...units.entries, GlobalSecondaryIndexes: v.optional(v.record(v.string(), units), {}) });
/** A batch reports each table by itself; there is one. */
const Answer = v.object({ ConsumedCapacity: v.union([consumed, v.tuple([consumed])]) });

/** @returns the units of the table, and of its indexes, that an answer reports. */
export function unitsOf(answer: unknown): { readonly own: number; readonly index: number } {
  const { ConsumedCapacity: told } = v.parse(Answer, answer);
  const { CapacityUnits: all, GlobalSecondaryIndexes: indexes } = Array.isArray(told) ? told[0] : told;
  const index = Object.values(indexes).reduce((sum, { CapacityUnits }) => sum + CapacityUnits, 0);
  return { own: all - index, index };
}

const key = v.object({ S: v.string() });
const keyed = v.looseObject({ pk: key });
const Input = v.looseObject({
  Key: v.optional(keyed),
  Item: v.optional(keyed),
  RequestItems: v.optional(v.record(v.string(), v.looseObject({ Keys: v.tupleWithRest([keyed], keyed) })), {}),
  ExpressionAttributeValues: v.optional(v.looseObject({ ':pk': v.optional(key), ':seen': v.optional(key) }), {}),
});

/** The partition that a request goes to; that of the first key of a batch. '' for an index and for a scan. */
export function partitionOf(input: unknown): { readonly pk: string; readonly isExact: boolean } {
  const { Key, Item, RequestItems, ExpressionAttributeValues: values } = v.parse(Input, input);
  const [batch] = Object.values(RequestItems);
  const pk = (Key ?? Item ?? batch?.Keys[0])?.pk.S ?? values[':pk']?.S ?? '';
  return { pk, isExact: values[':seen'] !== undefined };
}

export function placeOf(pk: string): Place {
  if (pk.startsWith('space#')) return 'space';
  if (pk.startsWith('hosts#')) return 'hosts';
  if (!pk.startsWith('pool#')) return 'other';
  return pk.split('#').length > 2 ? 'chunks' : 'refs';
}

const isRead = (command: string): boolean => /^(Get|Query|Scan|BatchGet)/.test(command);

function record({ client }: Setting): void {
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        const end = recordings.getStore()?.begin();
        if (end === undefined) return next(args);
        const { pk, isExact } = partitionOf(args.input);
        const place = placeOf(pk);
        const step = { place, isWrite: !isRead(commandName), isExact: isExact && place === 'chunks' };
        try {
          const input: ServiceInputTypes = { ...args.input, ReturnConsumedCapacity: 'INDEXES' };
          const result = await next({ ...args, input });
          const { own, index } = unitsOf(result.output);
          end({ ...step, units: own, indexUnits: index });
          return result;
        } catch (error) {
          if (error instanceof ConditionalCheckFailedException)
            end({ ...step, units: writeUnits(error.Item ?? {}), indexUnits: 0 });
          throw error;
        }
      },
    { step: 'initialize', name: 'traces' },
  );
}

const of = async <T>(operation: () => Promise<T>): Promise<{ trace: Trace; value: T }> => {
  const recording = new Recording();
  const value = await recordings.run(recording, operation);
  return { trace: recording.stages, value };
};

/** The networks that are alive on a host. One question of a comparison asks about all of them. */
export const ALIVE_NETWORKS = 10;

const SHARED = '10.9.0.0/16';
const MAC = withMac('02:42:0a:00:00:05');

/** @param seed of all randomness. */
export async function countTraces(seed: number): Promise<Traces> {
  const at = await setting(seed);
  record(at);
  try {
    const [host, other] = [new Host(at, 'a'), new Host(at, 'b')];
    await host.register();
    await other.register();
    // What a process reads once, such as the key of seals, is read here.
    await host.leave(await host.pool());
    const shared = await host.pool({ pool: SHARED });
    await host.address(shared, '', GATEWAY);
    return { handshake: [], ...(await ofNetwork(at, host)), ...(await ofHost(at, other)) };
  } finally {
    await at.close();
  }
}

async function ofNetwork(at: Setting, host: Host) {
  const made = await of(() => host.pool());
  const net = made.value;
  const gateway = await of(() => host.address(net, '', GATEWAY));
  const granted = await of(() => host.address(net, '', MAC));
  const released = await of(() => host.release(net, granted.value));
  const call = host.call();
  await host.address(net, '', MAC, call);
  const asked = { poolId: net.poolId, address: '', options: MAC, requestKey: call.requestKey, keep: undefined };
  const settled = await of(() => settleAddress(at, host.call(), asked));
  const freed = await of(() => host.release(net, gateway.value));
  const left = await of(() => host.leave(net));
  return {
    createPool: made.trace,
    gateway: gateway.trace,
    requestAddress: granted.trace,
    releaseAddress: released.trace,
    settle: settled.trace,
    releaseGateway: freed.trace,
    releasePool: left.trace,
  };
}

async function ofHost(at: Setting, host: Host) {
  const joined = await of(() => host.pool({ pool: SHARED }));
  const gateway = await of(() => host.address(joined.value, '', GATEWAY));
  const register = await of(() => host.register());
  const poolIds = [joined.value.poolId];
  while (poolIds.length < ALIVE_NETWORKS) poolIds.push((await host.pool()).poolId);
  const holdings = await of(() => beginningsOf(at, host.call(), poolIds));
  const known = holdings.value.holdings.map(({ key }) => key);
  const networks = await of(() => networksOf(at, host.call(), { known }));
  const binding = await of(() => new Bindings(at).check(host.call(), OPS));
  return {
    joinPool: joined.trace,
    joinGateway: gateway.trace,
    register: register.trace,
    holdings: holdings.trace,
    networks: networks.trace,
    binding: binding.trace,
  };
}
