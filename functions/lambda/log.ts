/** One line of JSON per event, as CloudWatch Logs finds fields in. Secrets never come near it. */
export function log(
  level: 'info' | 'warn' | 'error',
  message: string,
  fields: Readonly<Record<string, unknown>>,
): void {
  console.log(JSON.stringify({ level, message, ...fields }, plainErrors));
}

const plainErrors = (_key: string, value: unknown): unknown =>
  value instanceof Error ? { name: value.name, message: value.message, stack: value.stack } : value;
