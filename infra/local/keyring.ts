/**
 * Who may call the functions of this machine. The local principal's access key is made on the first start and stored next
 * to the sockets, where the shim finds it. Tests may add others in `keys.json`.
 */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import * as v from 'valibot';
import { type AccessKey, formatSharedCredentials, parseSharedCredentials } from '../../shim/aws/shared-credentials.ts';
import { readIfThere, writeDurably } from '../../shim/files.ts';
import { UserError } from '../../shim/user-error.ts';

export interface Key {
  readonly accessKey: string;
  readonly secret: string;
  /** Only for temporary credentials. */
  readonly sessionToken?: string | undefined;
  /** ms since the epoch */
  readonly expires?: number | undefined;
  readonly userArn: string;
}

export interface Keyring {
  readonly local: Key;
  find(accessKey: string): Key | undefined;
}

const LOCAL_ARN = 'arn:aws:iam::000000000000:user/local';

const keysFile = v.pipe(
  v.string(),
  v.parseJson(),
  v.array(
    v.strictObject({
      accessKey: v.pipe(v.string(), v.regex(/^\w{16,128}$/)),
      secret: v.pipe(v.string(), v.nonEmpty()),
      sessionToken: v.optional(v.string()),
      expires: v.optional(
        v.pipe(
          v.string(),
          v.isoTimestamp(),
          v.transform((text) => Date.parse(text)),
        ),
      ),
      userArn: v.pipe(v.string(), v.regex(/^arn:[a-z-]+:(iam|sts)::\d{12}:\S+$/)),
    }),
  ),
);

/** @throws UserError when a file is damaged. */
export function openKeyring(folder: string): Keyring {
  const file = path.join(folder, 'keys.json');
  const local = localKey(path.join(folder, 'credentials'));
  readKeys(file);
  // Read each time, so that a test can add and remove keys while the cloud runs.
  const find = (accessKey: string): Key | undefined =>
    accessKey === local.accessKey ? local : readKeys(file).find((key) => key.accessKey === accessKey);
  return { local, find };
}

function localKey(file: string): Key {
  const { accessKeyId, secretAccessKey } = readLocal(file) ?? makeLocal(file);
  return { accessKey: accessKeyId, secret: secretAccessKey, userArn: LOCAL_ARN };
}

function readLocal(file: string): AccessKey | undefined {
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  const key = parseSharedCredentials(text);
  if (key === undefined)
    throw new UserError(`${file} is damaged; remove it, and the next start makes a new access key`);
  return key;
}

function makeLocal(file: string): AccessKey {
  const accessKeyId = `LOCAL${randomBytes(8).toString('hex').slice(0, 15).toUpperCase()}`;
  const key = { accessKeyId, secretAccessKey: randomBytes(30).toString('base64url') };
  writeDurably(file, formatSharedCredentials(key));
  return key;
}

function readKeys(file: string): readonly Key[] {
  const text = readIfThere(file);
  if (text === undefined) return [];
  const parsed = v.safeParse(keysFile, text);
  if (parsed.success) return parsed.output;
  throw new UserError(`${file} is damaged: ${v.getDotPath(parsed.issues[0]) ?? ''} ${parsed.issues[0].message}`);
}
