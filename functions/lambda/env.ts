/** The environment that the deployment gives the functions, parsed once at their start. */
import * as v from 'valibot';

export const tableEnv = v.object({ BERTH_TABLE: v.pipe(v.string(), v.nonEmpty()) });

/** Without a table of history, none is kept. */
export const historyEnv = v.object({
  BERTH_HISTORY_TABLE: v.optional(
    v.pipe(
      v.string(),
      v.transform((name) => (name === '' ? undefined : name)),
    ),
  ),
  BERTH_HISTORY_DAYS: v.optional(v.pipe(v.string(), v.digits(), v.transform(Number), v.minValue(1)), '90'),
});

/** For metrics. A function without a table has none. */
export const tableName = (): string => process.env['BERTH_TABLE'] ?? 'none';

/** The Region that Lambda runs the function in. `undefined`: the function does not run in Lambda. */
export const lambdaRegion = (): string | undefined =>
  process.env['AWS_LAMBDA_FUNCTION_NAME'] === undefined ? undefined : process.env['AWS_REGION'];

/** Where the other functions are: a Function URL, `http:` on loopback, or `unix:PATH`. */
const endpoint = v.pipe(v.string(), v.regex(/^(https:\/\/|http:\/\/(127\.0\.0\.1|\[::1\]|localhost)[:/]|unix:\/)/));

export const capabilitiesEnv = v.object({
  BERTH_POOLS_URL: endpoint,
  BERTH_ADDRESSES_URL: endpoint,
  BERTH_HOSTS_URL: endpoint,
  BERTH_CONSOLE_URL: endpoint,
  BERTH_VIEWER_URL: endpoint,
  BERTH_CHECK_URL: endpoint,
});

/** @throws Error that names the variable. */
export function parseEnv<Schema extends v.GenericSchema>(schema: Schema): v.InferOutput<Schema> {
  const result = v.safeParse(schema, process.env);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new Error(`environment variable ${v.getDotPath(issue) ?? ''}: ${issue.message}`);
}
