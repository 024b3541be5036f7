/** What operators ask the console, and the answers. Times are milliseconds. */
import * as v from 'valibot';
import { hostId, spaceName } from './fields.ts';
import { hostHealth } from './host-messages.ts';

/** What an operator's command reads in the answer to a handshake: the URL of the console. */
export const consoleAnswer = v.object({ Functions: v.object({ Console: v.string() }) });
export type ConsoleAnswer = v.InferInput<typeof consoleAnswer>;

/** What an operator declares about a host. */
export const hostStateMessage = v.object({
  Host: hostId,
  /**
   * `live`: its drain is lifted. `adopted`: the principal becomes this host. `former-dead`: the machine that was this host
   * before the present one is dead.
   */
  State: v.picklist(['dead', 'draining', 'live', 'adopted', 'former-dead']),
  /** Unique to this message. */
  Key: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{8,64}$/, 'not a key')),
  Why: v.optional(v.pipe(v.string(), v.maxLength(256), v.regex(/^[^\p{Cc}]*$/u, 'control characters')), ''),
  /** The operator knows that the host has stopped, although its lease has not ended. */
  OverrideLease: v.optional(v.boolean(), false),
  /** The ARN of the principal that is to be the host, if it is adopted. */
  Principal: v.optional(v.pipe(v.string(), v.maxLength(512))),
});
export type HostStateMessage = v.InferInput<typeof hostStateMessage>;
export type Declaration = v.InferOutput<typeof hostStateMessage>;

export const hostStateAnswer = v.object({ Outcome: v.picklist(['done', 'unknown']) });
export type HostStateAnswer = v.InferInput<typeof hostStateAnswer>;

/** What an operator asks about a host. */
export const hostMessage = v.object({ Host: hostId });
export type HostMessage = v.InferInput<typeof hostMessage>;

/** `IsAll`: all networks, or all addresses of a network, were counted. */
const hostView = v.object({
  Host: v.string(),
  State: v.string(),
  Why: v.string(),
  Principal: v.string(),
  /** ISO 8601 */
  LastSeen: v.string(),
  /** Since `LastSeen`. */
  SilentSeconds: v.number(),
  /** ISO 8601 */
  LeaseUntil: v.string(),
  InLease: v.boolean(),
  ShimVersion: v.optional(v.string(), ''),
  EngineVersion: v.optional(v.string(), ''),
  /** As of `LastSeen`. `null`: its shim is of an earlier version, which does not say. */
  Health: v.fallback(v.nullish(hostHealth), null),
  Networks: v.array(v.object({ Space: v.string(), Pool: v.string(), Addresses: v.number(), IsAll: v.boolean() })),
  IsAll: v.boolean(),
});
export type HostView = v.InferInput<typeof hostView>;

export const hostAnswer = v.variant('Outcome', [
  v.object({ Outcome: v.literal('unknown') }),
  v.object({ Outcome: v.literal('done'), ...hostView.entries }),
]);
export type HostAnswer = v.InferInput<typeof hostAnswer>;

export const spaceMessage = v.object({ Space: spaceName });
export type SpaceMessage = v.InferInput<typeof spaceMessage>;

/** A value, `null` for the default, or nothing, which leaves it as it is. The rules say what a value may be. */
const patch = <Schema extends v.GenericSchema>(value: Schema) => v.optional(v.nullable(value));
const prefixes = v.pipe(v.array(v.pipe(v.string(), v.maxLength(64))), v.maxLength(1_000));
const hosts = v.pipe(v.array(v.pipe(v.string(), v.maxLength(128))), v.maxLength(1_000));

/** A change of settings. An unknown one is refused, not ignored: its operator would believe that it is set. */
const settingsPatch = v.strictObject({
  Ranges: patch(prefixes),
  Size4: patch(v.number()),
  Size6: patch(v.number()),
  Excluded: patch(prefixes),
  Cooldown: patch(v.number()),
  ForgetAfter: patch(v.number()),
  MaxPools: patch(v.number()),
  MaxNetworksPerHost: patch(v.number()),
  Widest4: patch(v.number()),
  Widest6: patch(v.number()),
  GivenOutside: patch(v.boolean()),
  MaxHostsPerPrincipal: patch(v.number()),
  Managers: patch(hosts),
});

export const setSpaceMessage = v.object({
  Space: spaceName,
  Set: settingsPatch,
  /** The change applies only to the space at this `Rev` ('': never set), so that a copy of the message does nothing. */
  IfRev: v.pipe(v.string(), v.maxLength(64)),
  Force: v.optional(v.boolean(), false),
});
export type SetSpaceMessage = v.InferInput<typeof setSpaceMessage>;

/** The settings in effect; `null`: no limit. */
const settings = v.object({
  Ranges: v.array(v.string()),
  Size4: v.number(),
  Size6: v.number(),
  Excluded: v.array(v.string()),
  Cooldown: v.number(),
  ForgetAfter: v.number(),
  MaxPools: v.nullable(v.number()),
  MaxNetworksPerHost: v.nullable(v.number()),
  // Functions of early versions do not send these.
  Widest4: v.optional(v.number()),
  Widest6: v.optional(v.number()),
  GivenOutside: v.optional(v.boolean()),
  MaxHostsPerPrincipal: v.optional(v.nullable(v.number())),
  /** Of a space in which managers plan. */
  Managers: v.optional(v.nullable(v.array(v.string()))),
});

export const spaceAnswer = v.object({
  Space: v.string(),
  Rev: v.string(),
  Settings: settings,
  /** Names of the settings that an operator has set. */
  Set: v.array(v.string()),
  Held: v.object({ Pools4: v.number(), Pools6: v.number(), IsAll: v.boolean() }),
});
export type SpaceAnswer = v.InferInput<typeof spaceAnswer>;

export const setSpaceAnswer = v.object({ ...spaceAnswer.entries, Warnings: v.array(v.string()) });
export type SetSpaceAnswer = v.InferInput<typeof setSpaceAnswer>;
