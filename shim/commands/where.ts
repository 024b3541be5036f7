/** Where the fleet is that an operator's command asks: as the operator says, or as this machine knows. */
import { lstatSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { defaultData } from '../settings.ts';
import { UsageError } from '../user-error.ts';
import { type Context, Contexts } from './contexts.ts';

/** The options of an operator's command that say where the fleet is. */
export interface PlaceOptions {
  readonly endpoint?: string;
  readonly region?: string;
  readonly context?: string;
}

export interface Place {
  /** Of the capabilities function. */
  readonly endpoint: string;
  /** `undefined`: the endpoint's name must contain it. */
  readonly region: string | undefined;
  /** AWS profile whose credentials sign, unless a variable names another. */
  readonly profile: string | undefined;
}

/** What this machine knows, for tests to replace. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly contexts: Pick<Contexts, 'named' | 'current' | 'list'>;
  /** Settings of the shim that a service manager starts on this host. */
  readonly settingsFile: string;
  /** Of the capabilities function of `berth up`. */
  readonly cloudSocket: string;
}

const here = (): Surroundings => ({
  environment: process.env,
  contexts: new Contexts(),
  settingsFile: '/etc/berth/berth.env',
  cloudSocket: path.join(defaultData(), 'cloud/capabilities.sock'),
});

type Found = Partial<Place> & Pick<Place, 'endpoint'>;

/**
 * What is nearer to the command comes first: its options, then a variable, then the context that the operator uses. What
 * lies on the host comes last, since it serves everybody there: an operator who has chosen another fleet means that one.
 *
 * @throws UsageError when nothing says where the fleet is.
 */
export function placeOf({ endpoint, region, context }: PlaceOptions, surroundings = here()): Place {
  const { environment, contexts, settingsFile, cloudSocket } = surroundings;
  if (isGiven(endpoint) && isGiven(context)) {
    throw new UsageError('--endpoint and --context each say where the fleet is; leave one of them out');
  }
  const variable = (name: string): string | undefined => filled(environment[name]);
  const found =
    settled(endpoint) ??
    (isGiven(context) ? contexts.named(context) : undefined) ??
    settled(variable('BERTH_ENDPOINT')) ??
    contexts.current() ??
    onHost(settingsFile) ??
    settled(isSocket(cloudSocket) ? `unix:${cloudSocket}` : undefined) ??
    nowhere(contexts.list());
  return {
    endpoint: found.endpoint,
    region: filled(region) ?? filled(found.region) ?? variable('BERTH_REGION') ?? variable('AWS_REGION'),
    profile: filled(found.profile),
  };
}

const settled = (endpoint: string | undefined, region?: string): Found | undefined =>
  isGiven(endpoint) ? { endpoint, region } : undefined;

/** An empty text counts as not given. */
const filled = (text: string | undefined): string | undefined => (text === '' ? undefined : text);
const isGiven = (text: string | undefined): text is string => filled(text) !== undefined;

/** Only root may read the file, since it may hold credentials: others go on without it. */
function onHost(file: string): Found | undefined {
  try {
    const { BERTH_ENDPOINT, BERTH_REGION } = parseEnv(readFileSync(file, 'utf8'));
    return settled(BERTH_ENDPOINT, BERTH_REGION);
  } catch {
    return undefined;
  }
}

/** `berth up` removes its sockets when it ends. */
function isSocket(file: string): boolean {
  try {
    return lstatSync(file).isSocket();
  } catch {
    return false;
  }
}

function nowhere(contexts: readonly Context[]): never {
  const use =
    contexts.length === 0
      ? 'berth context set NAME --endpoint URL, then berth context use NAME'
      : 'berth context use NAME';
  throw new UsageError(
    `where is the fleet? Name it with --endpoint URL, --context NAME or BERTH_ENDPOINT, or once for all commands: ${use}. On a ` +
      'host, root finds it in /etc/berth/berth.env, and beside berth up its user need not say it',
  );
}
