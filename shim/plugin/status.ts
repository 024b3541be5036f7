/** What the shim knows of its host, also while the cloud is away. It holds no secrets: only where they come from. */
import * as v from 'valibot';
import { type Health, healthAnswer } from './health.ts';

const time = v.nullable(v.string());

export const statusAnswer = v.object({
  version: v.string(),
  startedAt: v.string(),
  data: v.string(),
  endpoint: v.string(),
  /** When a function last answered. `null`: none has since the start. */
  answeredAt: time,
  credentials: v.object({ source: v.string(), isHeld: v.boolean(), expiresAt: time }),
  /** By how much AWS's clock is ahead, as far as it mattered: a smaller difference is not noticed. */
  clockOffsetSeconds: v.number(),
  /** The last comparison with Docker. */
  comparison: v.object({ mode: v.string(), at: time, failure: v.optional(v.string()), findings: v.number() }),
  health: healthAnswer,
});
export type Status = v.InferOutput<typeof statusAnswer>;

export interface StatusSources {
  readonly version: string;
  /** ms, as all times here. */
  readonly startedAt: number;
  readonly data: string;
  readonly endpoint: string;
  readonly answeredAt: number | undefined;
  /** How requests are signed. */
  readonly standing: {
    readonly source: string;
    readonly isHeld: boolean;
    readonly expiresAt: number | undefined;
    readonly clockOffset: number;
  };
  readonly comparison: {
    readonly mode: string;
    readonly at: number | undefined;
    readonly failure?: string;
    readonly findings: readonly unknown[];
  };
  readonly health: Health;
}

export function statusOf({ standing, comparison, ...rest }: StatusSources): Status {
  const { version, startedAt, data, endpoint, answeredAt, health } = rest;
  const { mode, at, failure, findings } = comparison;
  return {
    version,
    startedAt: new Date(startedAt).toISOString(),
    data,
    endpoint,
    answeredAt: isoTime(answeredAt),
    credentials: { source: standing.source, isHeld: standing.isHeld, expiresAt: isoTime(standing.expiresAt) },
    clockOffsetSeconds: Math.round(standing.clockOffset / 1_000),
    comparison: { mode, at: isoTime(at), ...(failure !== undefined && { failure }), findings: findings.length },
    health,
  };
}

const isoTime = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString());
