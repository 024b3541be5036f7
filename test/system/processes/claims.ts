/** The networks and addresses that hosts had, and from when until when, by their own histories. */
import { type PoolId, decodePoolId } from '../../../functions/ipam/pool-id.ts';
import { realWorld } from '../../../functions/lambda/world.ts';
import { type Operation, granted } from './history.ts';

/** A network of one host. */
export interface Share {
  readonly hostId: string;
  readonly poolId: string;
  readonly id: PoolId;
  /** The name or the CIDR that was asked for; '' for any subnet. */
  readonly wish: string;
  /** From the answer to the request … */
  readonly from: bigint;
  /** … until the release was begun. */
  readonly until: bigint | undefined;
  readonly release: Operation | undefined;
}

/** An address that a host got. */
export interface Holding {
  readonly generation: string;
  readonly address: string;
  readonly request: Operation;
  readonly release: Operation | undefined;
}

export const idOf = ({ hostId, message }: Operation): PoolId => decode(message.PoolID, hostId);

const decode = (poolId: string, hostId: string): PoolId => decodePoolId(realWorld, poolId, { hostId });

export function sharesOf(history: readonly Operation[]): Share[] {
  const releases = new Map(
    history.flatMap((each) => (each.method === 'ReleasePool' ? [[each.message.PoolID, each] as const] : [])),
  );
  return history.flatMap((operation): Share[] => {
    const told = granted(operation);
    if (operation.method !== 'RequestPool' || told === undefined || operation.result === undefined) return [];
    const { hostId, message, result } = operation;
    const release = releases.get(told.PoolID);
    return [
      {
        hostId,
        poolId: told.PoolID,
        id: decode(told.PoolID, hostId),
        wish: message.Options['berth.name'] ?? message.Pool,
        from: result.end,
        until: release?.begin,
        release,
      },
    ];
  });
}

const isGateway = ({ message }: Operation): boolean => 'RequestAddressType' in message.Options;

export const isEndpoint = (operation: Operation): boolean =>
  operation.method === 'RequestAddress' && !isGateway(operation);

/** A host releases an address before it can get it again, so a release refers to the last time that it got it. */
export function holdingsOf(history: readonly Operation[]): Holding[] {
  const held = new Map<string, Holding>();
  const ended: Holding[] = [];
  for (const operation of history) {
    const { message } = operation;
    if (operation.method === 'ReleaseAddress') {
      const key = `${message.PoolID} ${message.Address}`;
      const holding = held.get(key);
      if (holding !== undefined) ended.push({ ...holding, release: operation });
      held.delete(key);
    } else if (isEndpoint(operation)) {
      const address = granted(operation)?.Address.replace(/\/.*/, '');
      if (address === undefined) continue;
      const holding = { generation: idOf(operation).generation, address, request: operation, release: undefined };
      const before = held.get(`${message.PoolID} ${address}`);
      if (before !== undefined) ended.push(before);
      held.set(`${message.PoolID} ${address}`, holding);
    }
  }
  return [...ended, ...held.values()];
}

/** Calls that hosts began and whose outcome they do not know. */
export const unknownIn = (history: readonly Operation[]): Operation[] =>
  history.filter(({ result }) => result === undefined);
