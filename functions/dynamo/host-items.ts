/** The items of hosts, and the hosts that they represent. */
import * as v from 'valibot';
import { HEALTH_STATUSES } from '../../protocol/states.ts';
import type { Host } from '../ipam/host.ts';
import { key, read } from './items.ts';
import { parseHostKey } from './keys.ts';

/** Each write of a host sets all its attributes, so a time that is not set needs a value. */
const NEVER = 0;

const healthFields = v.object({
  status: v.picklist(HEALTH_STATUSES),
  reason: v.string(),
  waiting: v.number(),
  deadLetters: v.number(),
  findings: v.number(),
  comparedAt: v.number(),
  refused: v.number(),
  lastRefusal: v.string(),
});

const hostItem = v.object({
  ...key,
  incarnation: v.string(),
  epoch: v.number(),
  principal: v.string(),
  adopted: v.optional(v.boolean(), false),
  awaited: v.optional(v.boolean(), false),
  machine: v.optional(
    v.object({
      given: v.exactOptional(v.string()),
      instance: v.exactOptional(v.string()),
      product: v.exactOptional(v.string()),
      macs: v.exactOptional(v.array(v.string())),
    }),
    {},
  ),
  ownEpoch: v.optional(v.number(), NEVER),
  former: v.optional(v.picklist(['', 'asleep', 'dead']), ''),
  rivalAt: v.optional(v.number(), NEVER),
  since: v.number(),
  lastSeen: v.number(),
  floor: v.string(),
  fresh: v.boolean(),
  shimVersion: v.string(),
  engineVersion: v.string(),
  health: v.nullish(healthFields),
  state: v.picklist(['live', 'draining', 'fenced', 'dead']),
  leaseUntil: v.number(),
  fencedAt: v.number(),
  why: v.string(),
  changedAt: v.optional(v.number(), NEVER),
  refsLag: v.boolean(),
  heard: v.optional(v.array(v.string()), []),
  heardAt: v.optional(v.number(), NEVER),
  rev: v.string(),
});

const unlessNever = (time: number): number | undefined => (time === NEVER ? undefined : time);

/** The id of a host, readable even if the rest of its item is damaged. */
export const hostIdOf = (item: unknown): string => parseHostKey(read(v.object(key), item)).id;

export function decodeHost(item: unknown): Host {
  const {
    pk,
    sk,
    fresh: isFresh,
    adopted: isAdopted,
    awaited: isAwaited,
    fencedAt,
    health,
    ...host
  } = read(hostItem, item);
  return {
    ...host,
    ...parseHostKey({ pk, sk }),
    isFresh,
    isAdopted,
    isAwaited,
    fencedAt: unlessNever(fencedAt),
    health: health ? { ...health, comparedAt: unlessNever(health.comparedAt) } : undefined,
  };
}

export function encodeHost({
  id: _id,
  isFresh: fresh,
  isAdopted: adopted,
  isAwaited: awaited,
  fencedAt,
  heardAt,
  health,
  ...host
}: Host) {
  const lastWord = heardAt === NEVER ? {} : { heardAt };
  const condition = health === undefined ? null : { ...health, comparedAt: health.comparedAt ?? NEVER };
  return { ...host, ...lastWord, fresh, adopted, awaited, fencedAt: fencedAt ?? NEVER, health: condition };
}
