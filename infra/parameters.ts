/** The parameters of serverless.yml, checked before osls reads them: for a wrong one, osls would report a missing file. */
import { parseArgs } from 'node:util';
import * as v from 'valibot';

const oneOf = (...words: readonly string[]) => v.picklist(words, `give ${words.join(' or ')}`);
const number = v.pipe(v.string(), v.regex(/^[1-9]\d{0,5}$/, 'give a whole number of at least 1'));
/** The retention periods that CloudWatch Logs offers. */
const DAYS = [
  '1',
  '3',
  '5',
  '7',
  '14',
  '30',
  '60',
  '90',
  '120',
  '150',
  '180',
  '365',
  '400',
  '545',
  '731',
  '1096',
  '1827',
];

const parameters = {
  front: oneOf('function-urls', 'http-api', 'custom-domain'),
  domain: v.pipe(v.string(), v.regex(/^([a-z0-9-]+\.)+[a-z]{2,}$/, 'give a host name such as berth.example.com')),
  certificate: v.pipe(
    v.string(),
    v.regex(/^arn:[\w-]+:acm:[\w-]+:\d{12}:certificate\//, 'give the ARN of a certificate'),
  ),
  concurrency: oneOf('on', 'off'),
  monitoring: oneOf('on', 'off'),
  tracing: oneOf('on', 'off'),
  fencedHosts: number,
  rate: number,
  burst: number,
  logDays: oneOf(...DAYS),
  history: oneOf('on', 'off'),
  historyDays: number,
};

const given = v.pipe(
  v.partial(v.object(parameters)),
  v.check(
    ({ front, domain, certificate }) =>
      front !== 'custom-domain' || (domain !== undefined && certificate !== undefined),
    'front=custom-domain needs domain=NAME and certificate=ARN',
  ),
  v.check(
    ({ front, domain, certificate }) => front === 'custom-domain' || (domain ?? certificate) === undefined,
    'domain and certificate are only for front=custom-domain',
  ),
);

export const parameterNames: readonly string[] = Object.keys(parameters);

/** The arguments of osls that are also read here. As in osls, the last `--param` of a name counts. */
interface Arguments {
  readonly stage: string;
  readonly region: string;
  /** The profile whose credentials deploy, from `--aws-profile`. */
  readonly profile: string | undefined;
  /** The folder that the template is written to, or read from. */
  readonly folder: string;
  /** KEY=VALUE, as given. */
  readonly parameters: readonly string[];
}

/** With the defaults of serverless.yml. */
export function readArguments(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      param: { type: 'string', multiple: true },
      stage: { type: 'string', short: 's', default: 'dev' },
      region: { type: 'string', short: 'r', default: process.env['AWS_REGION'] ?? 'us-east-1' },
      package: { type: 'string', short: 'p', default: '.serverless' },
      'aws-profile': { type: 'string' },
    },
    strict: false,
  });
  const profile = values['aws-profile'];
  return {
    stage: String(values.stage),
    region: String(values.region),
    profile: profile === undefined ? undefined : String(profile),
    folder: String(values.package),
    parameters: [values.param ?? []].flat().map((pair) => String(pair)),
  };
}

/** Whether the arguments set a parameter. */
export const isGiven = (args: readonly string[], name: keyof typeof parameters): boolean =>
  readArguments(args).parameters.some((pair) => pair.startsWith(`${name}=`));

/** @returns what is wrong with the parameters among the arguments, if anything is. */
export function checkParameters(args: readonly string[]): string | undefined {
  const { parameters: pairs } = readArguments(args);
  const malformed = pairs.find((pair) => !/^\w+=/.test(pair));
  if (malformed !== undefined) return `--param ${malformed}: give KEY=VALUE`;
  const told = Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
  const unknown = Object.keys(told).find((name) => !Object.hasOwn(parameters, name));
  if (unknown !== undefined) return `--param ${unknown}: unknown; the parameters are ${parameterNames.join(', ')}`;
  const result = v.safeParse(given, told);
  if (result.success) return undefined;
  const [{ message, path: [part] = [] }] = result.issues;
  return part === undefined ? message : `--param ${String(part.key)}=${String(part.value)}: ${message}`;
}
