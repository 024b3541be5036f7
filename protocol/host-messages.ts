/**
 * The shim's own messages to the functions, and the answers. The functions read a message strictly; the shim reads an
 * answer leniently, since newer functions may add fields (docs/upgrades.md).
 */
import * as v from 'valibot';
import { addressSpacesAnswer, capabilitiesAnswer, requestAddressMessage } from './docker-messages.ts';
import {
  address,
  addresses,
  localSpaceName,
  networkState,
  optionalText,
  requestKey,
  required,
  text,
} from './fields.ts';
import { MAC_ADDRESS } from './ids.ts';
import { MAX_ENDPOINTS, MAX_FURTHER_NETWORKS, MAX_KNOWN_NETWORKS, MAX_REMARK } from './limits.ts';
import { SEQUENCE_WIDTH } from './request-key.ts';
import { HEALTH_STATUSES } from './states.ts';

/** All that a shim needs when it starts. */
export const handshakeAnswer = v.object({
  Capabilities: capabilitiesAnswer,
  AddressSpaces: addressSpacesAnswer,
  /** URLs. */
  Functions: v.object({ Pools: v.string(), Addresses: v.string(), Hosts: v.string() }),
});

export type HandshakeAnswer = v.InferInput<typeof handshakeAnswer>;

/** A nonce that a host stores to show that it is still the same host. */
const incarnation = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{8,64}$/, 'not an incarnation'));
const version = v.pipe(v.string(), v.maxLength(64), v.regex(/^[\x20-\x7e]*$/, 'not a version'));
/** Hashes, so that serial numbers do not leave the host. */
const print = v.pipe(v.string(), v.regex(/^[0-9a-f]{16,64}$/, 'not a hash'));

/** Printable, so that a table on a terminal can show it as it is, and short, since it is stored with the host. */
const remark = v.pipe(v.string(), v.maxLength(MAX_REMARK), v.regex(/^[\x20-\x7e]*$/, 'not printable'));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** How a host is, as its shim says with each heartbeat. `berth hosts` shows it. */
export const hostHealth = v.object({
  Status: v.picklist(HEALTH_STATUSES),
  /** The first reason why it is not `ok`, else ''. */
  Reason: remark,
  /** Calls in the journal that have not reached the functions. */
  Waiting: count,
  DeadLetters: count,
  /** Differences between Docker and the table that the last comparison found. */
  Findings: count,
  /** ISO 8601: when the last comparison ended. `null`: none has, or it failed. */
  ComparedAt: v.nullable(v.pipe(v.string(), v.isoTimestamp())),
  /** Calls of dockerd that were refused or failed since the shim started, and why the last of them was. */
  Refused: count,
  LastRefusal: remark,
});
export type HostHealth = v.InferOutput<typeof hostHealth>;

export const registerMessage = v.object({
  /** The nonce that the functions confirmed last. */
  Incarnation: v.nullish(incarnation),
  Proposed: incarnation,
  ShimVersion: v.pipe(version, v.nonEmpty('must not be empty')),
  EngineVersion: v.nullish(version, ''),
  /** What identifies the machine that the shim runs on; an older shim does not send it. */
  Machine: v.nullish(
    v.object({
      Given: v.optional(print),
      Instance: v.optional(print),
      Product: v.optional(print),
      Macs: v.optional(v.pipe(v.array(print), v.maxLength(8))),
    }),
    {},
  ),
  /** The space of its networks, unless they name another. */
  Space: v.nullish(localSpaceName),
  /** A heartbeat matters more than what it says of the host's health: what cannot be read is left out. */
  Health: v.fallback(v.nullish(hostHealth), undefined),
});
export type RegisterMessage = v.InferInput<typeof registerMessage>;

export const registerAnswer = v.object({
  Incarnation: v.string(),
  Epoch: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** The highest sequence number that the functions have seen from this host. */
  Floor: v.pipe(v.string(), v.length(SEQUENCE_WIDTH), v.regex(/^[0-9a-z]+$/)),
  HeartbeatSeconds: v.pipe(v.number(), v.minValue(1), v.maxValue(86_400)),
  /** The functions treat the host as a new one under its id. */
  Fresh: v.boolean(),
  State: v.optional(v.string(), 'live'),
  /** More of this host's networks are still to be woken after its silence: it registers until all are awake. */
  Waking: v.optional(v.boolean(), false),
  /** When another machine recently claimed to be this host (ISO 8601). */
  Rival: v.nullish(v.string()),
});
export type RegisterAnswer = v.InferInput<typeof registerAnswer>;

/** The PoolID or the address that dockerd was given, if any. */
const keep = v.nullish(required);

/**
 * A call to be undone. A pool is found by the key of its request. A malformed request for an address was refused at the
 * time and has left nothing (`null`).
 */
export const settleMessage = v.variant('Method', [
  v.object({ Method: v.literal('RequestPool'), RequestKey: requestKey, Keep: keep }),
  v.object({
    Method: v.literal('RequestAddress'),
    RequestKey: requestKey,
    Keep: keep,
    Request: v.pipe(v.unknown(), v.transform(parseAddressRequest)),
  }),
]);
export type SettleMessage = v.InferInput<typeof settleMessage>;

function parseAddressRequest(request: unknown): v.InferOutput<typeof requestAddressMessage> | null {
  const parsed = v.safeParse(requestAddressMessage, request);
  return parsed.success ? parsed.output : null;
}

export const networksMessage = v.object({
  /** Continues a list: `Next` of the previous answer, unchanged. */
  After: v.nullable(v.unknown()),
  /** What `Network` of earlier answers named: the list may leave these out. */
  Known: v.optional(v.pipe(v.array(text), v.maxLength(MAX_KNOWN_NETWORKS)), []),
});
export type NetworksMessage = v.InferInput<typeof networksMessage>;

export const networksAnswer = v.object({
  Networks: v.array(
    v.object({
      PoolID: v.string(),
      /** The same for all PoolIDs of one network. */
      Network: v.string(),
      Pool: v.string(),
      State: networkState,
    }),
  ),
  Next: v.nullable(v.unknown()),
});
export type NetworksAnswer = v.InferInput<typeof networksAnswer>;

export const holdingsMessage = v.object({
  PoolID: required,
  /** The answer says who holds these. */
  Addresses: v.optional(addresses, []),
  /**
   * Continues the list of leases: `Next` of the previous answer, the number of a chunk of sixteen addresses. The widest
   * pool is a /1 of IPv6 with 2^123 chunks, a number of 38 digits.
   */
  After: v.optional(
    v.nullable(
      v.pipe(
        v.string(),
        v.regex(/^\d{1,38}$/, 'not a chunk'),
        v.transform((number) => BigInt(number)),
      ),
    ),
    null,
  ),
  /** PoolIDs of further networks, of which the answer has the beginning of what they lease, too. */
  Further: v.optional(v.pipe(v.array(required), v.maxLength(MAX_FURTHER_NETWORKS)), []),
});
export type HoldingsMessage = v.InferInput<typeof holdingsMessage>;

const taken = v.array(v.object({ Address: v.string(), Holder: v.string() }));

const holdingsOfNetwork = v.object({
  Network: v.string(),
  Pool: v.string(),
  /** A swarm manager's plan for all nodes, of which no single Docker has all. */
  Plan: v.optional(v.boolean(), false),
  State: networkState,
  /** The machine that was this host before holds it. */
  Former: v.optional(v.boolean(), false),
  /** `Key` is that of the request that an address was granted to. */
  Leases: v.array(v.object({ Address: v.string(), Key: v.string() })),
  /** Of the addresses asked about, those that others hold. */
  Others: taken,
  Next: v.nullable(v.string()),
});
export type NetworkHoldings = v.InferInput<typeof holdingsOfNetwork>;

export const holdingsAnswer = v.object({
  ...holdingsOfNetwork.entries,
  /** Those of the further networks, in the order of the message. The last ones may be missing: they are asked for again. */
  Further: v.optional(v.array(holdingsOfNetwork), []),
});
export type HoldingsAnswer = v.InferInput<typeof holdingsAnswer>;

/** Takes up a network again that the fleet has given up. */
export const reviveMessage = v.object({
  PoolID: required,
  Gateway: v.nullish(address),
  Reserved: v.optional(addresses, []),
  /** Each is a write. */
  Held: v.pipe(
    v.array(
      v.object({
        Address: address,
        MacAddress: v.optional(v.union([v.literal(''), v.pipe(v.string(), v.regex(MAC_ADDRESS))]), ''),
        Name: optionalText,
      }),
    ),
    v.maxLength(MAX_ENDPOINTS),
  ),
  Last: v.boolean(),
});
export type ReviveMessage = v.InferInput<typeof reviveMessage>;

export const reviveAnswer = v.object({ State: networkState, Taken: taken });
export type ReviveAnswer = v.InferInput<typeof reviveAnswer>;
