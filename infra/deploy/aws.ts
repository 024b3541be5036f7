/** Queries AWS before a deployment, in the same way as osls. */
import * as v from 'valibot';
import { tool } from './tools.ts';

/** Which stack a command is about, and which credentials osls uses for it. */
export interface Asked {
  readonly stage: string;
  readonly region: string;
  /** From `--aws-profile`. */
  readonly profile: string | undefined;
}

const callable = <T>() => v.custom<T>((value) => typeof value === 'function');
type Make<T> = new (settings: object) => T;
interface Client {
  send: (command: object) => Promise<unknown>;
  destroy: () => void;
}

const clientConfig = v.object({ buildClientConfig: callable<(config: object) => object>() });
const credentialSource = v.object({ getAwsSdkV3CredentialsProvider: callable<(of: object) => object>() });

/**
 * Uses the credentials, certificates and proxy of osls, and AWS_ENDPOINT_URL if it is set. The two modules are internal
 * to osls, whose version is pinned.
 *
 * @param service the SDK's name: `Lambda` is the client of `@aws-sdk/client-lambda`.
 * @throws Error of the SDK.
 */
export async function askAws(
  service: 'CloudFormation' | 'Lambda',
  command: string,
  input: object,
  { stage, region, profile }: Asked,
): Promise<unknown> {
  const { buildClientConfig } = v.parse(clientConfig, tool('osls/lib/aws/config.js'));
  const { getAwsSdkV3CredentialsProvider } = v.parse(credentialSource, tool('osls/lib/aws/credentials.js'));
  const options = { 'aws-profile': profile };
  const provider = { getStage: () => stage, options, serverless: { service: { provider: {} } } };
  const credentials = getAwsSdkV3CredentialsProvider({ provider });
  const sdk = v.parse(v.looseObject({}), tool(`@aws-sdk/client-${service.toLowerCase()}`));
  const Service = v.parse(callable<Make<Client>>(), sdk[`${service}Client`]);
  const Command = v.parse(callable<Make<object>>(), sdk[`${command}Command`]);
  const client = new Service(buildClientConfig({ region, credentials }));
  try {
    return await client.send(new Command(input));
  } finally {
    client.destroy();
  }
}
