/**
 * Leaves out of the bundles what the AWS SDK contains and no function of Berth ever runs: every cold start would read it
 * for nothing. If an importer still needs a name of it, esbuild fails the build.
 */
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Plugin } from 'esbuild';
import * as v from 'valibot';

type Replacement = (source: string) => string;

export interface LeftOut {
  /** The end of the module's path. */
  readonly module: string;
  readonly why: string;
  /** Makes the replacement from the original source. */
  readonly instead: Replacement;
}

const SMITHY = '@smithy/core/dist-es/submodules';
const DYNAMODB = '@aws-sdk/client-dynamodb';

/** Errors that the code recognises by their class, not only by their name. */
const KNOWN_ERRORS = new Set(['ConditionalCheckFailedException', 'DynamoDBServiceException']);

/** Of the functions that read items of the table only. */
export const ALL: readonly LeftOut[] = [
  {
    module: `${SMITHY}/event-streams/index.js`,
    why: 'DynamoDB streams no events in its answers',
    instead: () => 'export class EventStreamSerde { constructor() { throw new Error("event streams are left out"); } }',
  },
  {
    module: '@aws-sdk/middleware-endpoint-discovery/dist-es/index.js',
    why: 'the region determines the endpoint of DynamoDB, so nothing asks for it',
    instead: () => `
      export const NODE_ENDPOINT_DISCOVERY_CONFIG_OPTIONS = {
        environmentVariableSelector: () => false, configFileSelector: () => false, default: false };
      export const resolveEndpointDiscoveryConfig = (config) => config;`,
  },
  {
    module: `${SMITHY}/checksum/sha256/Sha256Js.js`,
    why: "the bundles use Node's own SHA-256",
    instead: () => 'export const Sha256Js = undefined;',
  },
  {
    module: `${SMITHY}/config/shared-ini-file-loader/loadSharedConfigFiles.js`,
    why: 'a function has no configuration files: its settings are in its environment',
    instead: () => `
      export { CONFIG_PREFIX_SEPARATOR } from './constants';
      export const loadSharedConfigFiles = async () => ({ configFile: {}, credentialsFile: {} });`,
  },
  {
    module: `${SMITHY}/config/config-resolver/regionConfig/getInstanceMetadataRegion.js`,
    why: 'a function does not run on an instance, and has its region in its environment',
    instead: () => 'export const getInstanceMetadataRegion = async () => undefined;',
  },
  {
    module: `${SMITHY}/retry/middleware-retry/retryMiddleware.js`,
    why: 'functions/dynamo/retry.ts is the only retry loop; the SDK is configured to try once',
    instead: () => `
      // Others are added after the middleware of this name.
      export const retryMiddlewareOptions = {
        name: 'retryMiddleware', tags: ['RETRY'], step: 'finalizeRequest', priority: 'high', override: true };
      export const bindRetryMiddleware = () => () => (next) => next;
      export const bindGetRetryPlugin = () => () => ({
        applyToStack: (stack) => stack.add((next) => next, retryMiddlewareOptions) });`,
  },
  {
    module: `${SMITHY}/retry/util-retry/AdaptiveRetryStrategy.js`,
    why: 'the same',
    instead: () => 'export const AdaptiveRetryStrategy = undefined;',
  },
  {
    module: `${SMITHY}/retry/util-retry/StandardRetryStrategy.js`,
    why: 'the same',
    instead: () => 'export class StandardRetryStrategy {}',
  },
  {
    module: '@aws/lambda-invoke-store/dist-es/invoke-store.js',
    why: 'a function serves one call at a time, whose trace is in its environment',
    instead: () => 'export const InvokeStore = { getInstanceAsync: async () => undefined };',
  },
  {
    module: `${DYNAMODB}/dist-es/schemas/schemas_0.js`,
    why: 'errors of the control plane; one that is not registered still comes with its name and message',
    instead: (source) =>
      source.replaceAll(/^n0_registry\.registerError\(\w+\$, (\w+)\);$/gm, (line, name: string) =>
        KNOWN_ERRORS.has(name) ? line : '',
      ),
  },
  {
    module: '@aws-sdk/core/dist-es/submodules/client/util-endpoints/lib/aws/partitions.js',
    why: 'the names of Regions: the pattern of a partition matches those that belong to it',
    instead: (source) => source.replace(/"regions": \{(?:[^{}]|\{[^{}]*\})*\}/g, '"regions": {}'),
  },
  {
    module: `${SMITHY}/serde/date-utils.js`,
    why: 'no item of the table and no answer of the API that is used contains a date',
    instead: (source) =>
      [...source.matchAll(/^export (?:const|function) (\w+)/gm)]
        .map(([, name = '']) => `export const ${name} = undefined;`)
        .join('\n'),
  },
  {
    module: `${DYNAMODB}/package.json`,
    why: 'all but the version, which every request names',
    instead: (source) => JSON.stringify(v.parse(v.object({ version: v.string() }), JSON.parse(source))),
  },
];

/** Of the function that reads the stream, whose records have dates. */
export const WITH_DATES = ALL.filter(({ module }) => !module.endsWith('/date-utils.js'));

/** Fails if the SDK no longer has such a module, so that the list stays correct. */
export function leaveOut(leftOut: readonly LeftOut[] = ALL): Plugin {
  return {
    name: 'leave-out',
    setup(builder) {
      const met = new Set<LeftOut>();
      let hasSdk = false;
      builder.onLoad({ filter: /\/node_modules\// }, async ({ path }) => {
        hasSdk ||= path.includes(`/node_modules/${DYNAMODB}/`);
        const entry = leftOut.find(({ module }) => path.endsWith(`/node_modules/${module}`));
        if (entry === undefined) return undefined;
        met.add(entry);
        const source = await readFile(path, 'utf8');
        const contents = entry.instead(source);
        if (contents === source) return { errors: [{ text: `there is nothing to be left out of ${entry.module}` }] };
        return { contents, loader: path.endsWith('.json') ? 'json' : 'js', resolveDir: dirname(path) };
      });
      builder.onEnd(() => {
        // A program without the SDK has nothing to leave out.
        const missing = hasSdk ? leftOut.filter((entry) => !met.has(entry)) : [];
        return { errors: missing.map(({ module }) => ({ text: `there is no ${module} to be left out any more` })) };
      });
    },
  };
}
