/** Where credentials come from: a cloud on this machine writes them next to its sockets, otherwise AWS's standard chain. */
import path from 'node:path';
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import type { AwsCredentialIdentity } from '@smithy/types';
import type { Endpoint } from '../endpoint.ts';
import { readIfThere } from '../files.ts';
import { within } from '../time.ts';
import { CredentialsError, explainCredentials } from './credentials-error.ts';
import { parseSharedCredentials } from './shared-credentials.ts';

/** @throws CredentialsError */
export type CredentialSource = () => Promise<AwsCredentialIdentity>;

/** For the whole chain. */
const CHAIN_TIMEOUT_MS = 8_000;
/** ms for one request to an instance's or a container's metadata service, which is local and answers quickly or not at all. */
const METADATA_TIMEOUT_MS = 1_000;
/** ms for one request to STS or SSO; the chain's time allows one repeat. */
const SERVICE_REQUEST_LIMITS = {
  connectionTimeout: 2_000,
  requestTimeout: 3_500,
  throwOnRequestTimeout: true,
} as const;
const MAX_SERVICE_ATTEMPTS = 2;

const FILE = 'credentials';

/** The credentials file next to the endpoint's socket. `undefined`: the endpoint is not a socket. */
export const localCredentialsFile = ({ target }: Endpoint): string | undefined =>
  target.socketPath === undefined ? undefined : path.join(path.dirname(target.socketPath), FILE);

export interface ChainSettings {
  /** Of the functions; STS is called there to assume a role, unless a profile or variable names another. */
  readonly region: string;
  /** The profile whose credentials are used, unless AWS_PROFILE names another. */
  readonly profile?: string | undefined;
  /** ms for the whole chain. */
  readonly timeout?: number | undefined;
}

export function credentialSource(file: string | undefined, settings: ChainSettings): CredentialSource {
  return async () => (file === undefined ? undefined : readLocal(file)) ?? (await askChain(settings));
}

/** Read again each time, since a cloud that was set up again writes a new file. */
function readLocal(file: string): AwsCredentialIdentity | undefined {
  const text = readText(file);
  if (text === undefined) return undefined;
  const credentials = parseSharedCredentials(text);
  if (credentials !== undefined) return credentials;
  throw new CredentialsError(`${file} contains no access key; remove it and restart the cloud on this machine`);
}

function readText(file: string): string | undefined {
  try {
    return readIfThere(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new CredentialsError(`${file} cannot be read (${code}); run as root, or as the user who runs the cloud`);
  }
}

async function askChain({
  region,
  timeout = CHAIN_TIMEOUT_MS,
  ...named
}: ChainSettings): Promise<AwsCredentialIdentity> {
  const profile = variable('AWS_PROFILE') ?? named.profile;
  try {
    return await within(timeout, chain(region, profile)(), () => {
      throw new CredentialsError(`no AWS credentials: their provider did not answer within ${timeout / 1_000} s`);
    });
  } catch (error) {
    throw explainCredentials(error, {
      profile,
      isContainer: [
        variable('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'),
        variable('AWS_CONTAINER_CREDENTIALS_FULL_URI'),
      ].some((uri) => uri !== undefined),
    });
  }
}

/** A new chain each time, since a chain remembers what it found and profiles may have been edited. */
const chain = (region: string, profile: string | undefined) =>
  defaultProvider({
    ...(profile !== undefined && { profile }),
    ignoreCache: true,
    timeout: METADATA_TIMEOUT_MS,
    // IMDSv1 needs no token, so anyone who can make the host send a request could get the role's credentials.
    ec2MetadataV1Disabled: true,
    clientConfig: { maxAttempts: MAX_SERVICE_ATTEMPTS, requestHandler: SERVICE_REQUEST_LIMITS },
    parentClientConfig: { region },
    logger: silent,
  });

const nothing = (): void => undefined;
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** An empty variable counts as not set. */
const variable = (name: string): string | undefined => (process.env[name] === '' ? undefined : process.env[name]);
