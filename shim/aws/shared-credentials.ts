/**
 * The credentials file of a cloud on this machine, in the format that AWS's tools share. Only a key is read from it. A
 * profile may also name a program to run for credentials; a file next to a socket must not be able to do that.
 */
import type { AwsCredentialIdentity } from '@smithy/types';
import * as v from 'valibot';

export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const settings = v.pipe(
  v.object({
    aws_access_key_id: v.string(),
    aws_secret_access_key: v.string(),
    aws_session_token: v.optional(v.string()),
  }),
  v.transform(({ aws_access_key_id, aws_secret_access_key, aws_session_token }): AwsCredentialIdentity => ({
    accessKeyId: aws_access_key_id,
    secretAccessKey: aws_secret_access_key,
    ...(aws_session_token !== undefined && { sessionToken: aws_session_token }),
  })),
);

/** The default profile's key. `undefined`: the file has no key. */
export function parseSharedCredentials(text: string): AwsCredentialIdentity | undefined {
  const section = /^\[default\]$([^[]*)/m.exec(text)?.[1] ?? '';
  const lines = section.matchAll(/^([a-z_]+)[ \t]*=[ \t]*(\S+)[ \t]*$/gm);
  const parsed = v.safeParse(
    settings,
    Object.fromEntries([...lines].map(([, name = '', value = '']) => [name, value])),
  );
  return parsed.success ? parsed.output : undefined;
}

export const formatSharedCredentials = ({ accessKeyId, secretAccessKey }: AccessKey): string =>
  `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
