/** As much of IAM's evaluation as the policies of the template need: allow statements, wildcards, leading keys. */
import * as v from 'valibot';

/** One request of a function to the table. */
export interface TableRequest {
  readonly function: string;
  readonly action: string;
  /** Not the table itself, but its stream or the table of history. */
  readonly elsewhere?: 'stream' | 'history' | undefined;
  readonly index?: string | undefined;
  /** The partition key; an index and a scan have none. */
  readonly leadingKey?: string | undefined;
}

const texts = v.pipe(
  v.union([v.string(), v.array(v.string())]),
  v.transform((value) => [value].flat()),
);

/** Strict: an unknown condition must not be treated as one that holds. */
export const statement = v.strictObject({
  Sid: v.optional(v.string()),
  Effect: v.literal('Allow'),
  Action: texts,
  Resource: v.unknown(),
  Condition: v.optional(
    v.strictObject({
      'ForAllValues:StringLike': v.strictObject({ 'dynamodb:LeadingKeys': texts }),
      // There must be keys: "all of none" would match any pattern.
      Null: v.strictObject({ 'dynamodb:LeadingKeys': v.literal('false') }),
    }),
  ),
});
export type Statement = v.InferOutput<typeof statement>;

/** `*` stands for any characters, `?` for one; all else for itself (IAM User Guide, "string condition operators"). */
export function isLike(pattern: string, text: string): boolean {
  const escaped = pattern.replaceAll(/[\\^$.|+()[\]{}]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(text);
}

/** @param target the resource that the request goes to, as the template writes it. */
export function allows({ Action, Resource, Condition }: Statement, request: TableRequest, target: unknown): boolean {
  if (!Action.some((pattern) => isLike(pattern, request.action))) return false;
  if (JSON.stringify(Resource) !== JSON.stringify(target)) return false;
  const patterns = Condition?.['ForAllValues:StringLike']['dynamodb:LeadingKeys'];
  const key = request.leadingKey;
  return patterns === undefined || (key !== undefined && patterns.some((pattern) => isLike(pattern, key)));
}
