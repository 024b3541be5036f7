/** One line of JSON per event, in which CloudWatch Logs finds the fields. Secrets are never logged. */
import { Console } from 'node:console';

/**
 * Lambda's runtime puts time, request and level before what the global console writes. That line is not JSON, so
 * CloudWatch would find no fields and no metrics in it.
 */
export const output = new Console(process.stdout, process.stderr);

export function log(
  level: 'info' | 'warn' | 'error',
  message: string,
  fields: Readonly<Record<string, unknown>>,
): void {
  output.log(JSON.stringify({ level, message, ...fields }, plain));
}

/** Converts what JSON cannot hold, which must not keep an error from being logged. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (!(value instanceof Error)) return value;
  return { name: value.name, message: value.message, stack: value.stack, cause: value.cause };
}
