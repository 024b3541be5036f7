/** One line of JSON per event, as CloudWatch Logs finds fields in. Secrets never come near it. */
import { Console } from 'node:console';

/**
 * Lambda's runtime puts time, request and level before what the global console says, and then the line is no JSON, of
 * which CloudWatch could make fields and metrics.
 */
export const output = new Console(process.stdout, process.stderr);

export function log(
  level: 'info' | 'warn' | 'error',
  message: string,
  fields: Readonly<Record<string, unknown>>,
): void {
  output.log(JSON.stringify({ level, message, ...fields }, plain));
}

/** What JSON cannot hold must not keep an error from being logged. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (!(value instanceof Error)) return value;
  return { name: value.name, message: value.message, stack: value.stack, cause: value.cause };
}
