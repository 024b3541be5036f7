/** IAM's evaluation of policies by an independent simulator (npm @cloud-copilot/iam-simulate), installed once, separately. */
import { createRequire } from 'node:module';
import path from 'node:path';
import * as v from 'valibot';
import { installTools } from '../../../../infra/tools/install-tools.ts';

const FOLDER = path.join(import.meta.dirname, '../iam-simulator');
export const ACCOUNT = '123456789012';

const policy = v.object({ Statement: v.array(v.looseObject({})) });
export type Policy = v.InferOutput<typeof policy>;

/** A request to AWS. */
export interface Ask {
  readonly action: string;
  readonly resource: string;
  /** Condition keys, as AWS fills them in. */
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
}

const answer = v.variant('resultType', [
  v.object({ resultType: v.literal('error'), errors: v.looseObject({ message: v.string() }) }),
  v.object({
    resultType: v.literal('single'),
    overallResult: v.picklist(['Allowed', 'ImplicitlyDenied', 'ExplicitlyDenied']),
    result: v.object({ ignoredContextKeys: v.optional(v.array(v.string()), []) }),
  }),
]);
type Simulate = (simulation: object, options: object) => Promise<unknown>;
const simulator = v.object({ runSimulation: v.custom<Simulate>((member) => typeof member === 'function') });

/**
 * Whether an identity with these policies may make the request, without any other policy.
 *
 * @throws Error when the simulator does not know the question: an action or condition key that AWS does not have.
 */
export async function isAllowed(
  policies: readonly Policy[],
  { action, resource, context = {} }: Ask,
): Promise<boolean> {
  installTools(FOLDER);
  const { runSimulation } = v.parse(
    simulator,
    createRequire(path.join(FOLDER, 'package.json'))('@cloud-copilot/iam-simulate'),
  );
  const told = v.parse(
    answer,
    await runSimulation(
      {
        request: {
          action,
          principal: `arn:aws:iam::${ACCOUNT}:role/caller`,
          resource: { accountId: ACCOUNT, resource },
          contextVariables: context,
        },
        identityPolicies: policies.map((one, index) => ({
          name: `policy-${index}`,
          policy: { Version: '2012-10-17', ...one },
        })),
        serviceControlPolicies: [],
        resourceControlPolicies: [],
      },
      {},
    ),
  );
  if (told.resultType === 'error') throw new Error(`${action} on ${resource}: ${told.errors.message}`);
  const [ignored] = told.result.ignoredContextKeys;
  if (ignored !== undefined) throw new Error(`${action} knows no condition key ${ignored}`);
  return told.overallResult === 'Allowed';
}

const json = v.pipe(v.string(), v.parseJson());

/** A policy of a template with CloudFormation's references filled in, as a stack in eu-west-1 would have it. */
export function deployedPolicy(document: unknown): Policy {
  return v.parse(policy, v.parse(json, JSON.stringify(filledIn(document))));
}

const attribute = v.strictObject({ 'Fn::GetAtt': v.tuple([v.string(), v.picklist(['Arn', 'StreamArn'])]) });
const join = v.strictObject({ 'Fn::Join': v.tuple([v.string(), v.array(v.unknown())]) });
const substitution = v.strictObject({ 'Fn::Sub': v.string() });

function filledIn(value: unknown): unknown {
  if (v.is(attribute, value)) return value['Fn::GetAtt'][1] === 'StreamArn' ? STREAM : arnOf(value['Fn::GetAtt'][0]);
  if (v.is(join, value)) return value['Fn::Join'][1].map((part) => String(filledIn(part))).join(value['Fn::Join'][0]);
  if (v.is(substitution, value))
    return value['Fn::Sub'].replaceAll(/\$\{([\w:]+)\}/g, (_, name: string) => nameOf(name));
  if (Array.isArray(value)) return value.map(filledIn);
  if (value instanceof Object) {
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, filledIn(part)]));
  }
  return value;
}

export const TABLE = `arn:aws:dynamodb:eu-west-1:${ACCOUNT}:table/berth-test-Table-0`;
export const STREAM = `${TABLE}/stream/2026-01-01T00:00:00.000`;
export const HISTORY_TABLE = `arn:aws:dynamodb:eu-west-1:${ACCOUNT}:table/berth-test-HistoryTable-0`;
export const API = `arn:aws:execute-api:eu-west-1:${ACCOUNT}:abc123/$default`;
export const functionArn = (name: string): string => `arn:aws:lambda:eu-west-1:${ACCOUNT}:function:berth-test-${name}`;
/** Without the wildcard of its streams. */
export const logGroupArn = (name: string): string =>
  `arn:aws:logs:eu-west-1:${ACCOUNT}:log-group:/aws/lambda/berth-test-${name}`;

/** The Arn of a resource of the stack, as in CloudFormation. */
function arnOf(logical: string): string {
  if (logical === 'Table') return TABLE;
  if (logical === 'HistoryTable') return HISTORY_TABLE;
  const [, name = '', kind = ''] = /^([A-Z]\w+?)(LambdaFunction|LogGroup)$/.exec(logical) ?? [];
  if (kind === 'LambdaFunction') return functionArn(name.toLowerCase());
  if (kind === 'LogGroup') return `${logGroupArn(name.toLowerCase())}:*`;
  throw new Error(`whose Arn is ${logical}?`);
}

function nameOf(parameter: string): string {
  const names = new Map([
    ['AWS::Partition', 'aws'],
    ['AWS::Region', 'eu-west-1'],
    ['AWS::AccountId', ACCOUNT],
    ['HttpApi', 'abc123'],
  ]);
  const name = names.get(parameter);
  if (name === undefined) throw new Error(`what is ${parameter}?`);
  return name;
}
