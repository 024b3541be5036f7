/** A local cloud that identifies its callers by keys of their own, as AWS does, and programs that sign with them. */
import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Key } from '../../infra/local/keyring.ts';
import type { Spawn } from './berth-process.ts';
import { endingWithUs } from './ending-with-us.ts';
import type { LocalCloud } from './local-cloud.ts';

export const ROLE = 'arn:aws:sts::123456789012:assumed-role/berth-host';

/** By name: the principal (an ARN), and the other fields of its key. */
export type Principals = Readonly<Record<string, Partial<Key> & Pick<Key, 'userArn'>>>;

export type Keys<Names extends string> = Readonly<Record<Names, Key>>;

/** From now on only these keys are valid, and there is no key next to the sockets. */
export function introduce<Names extends string>(
  { folder }: Pick<LocalCloud, 'folder'>,
  principals: Readonly<Record<Names, Principals[string]>>,
): Keys<Names>;
export function introduce({ folder }: Pick<LocalCloud, 'folder'>, principals: Principals): Keys<string> {
  const keys = Object.fromEntries(
    Object.entries(principals).map(([name, part], i) => [
      name,
      { accessKey: `TEST${String(i).padStart(16, '0')}`, secret: `secret of ${name}`, ...part },
    ]),
  );
  const written = Object.values(keys).map(({ expires, ...key }: Key) => ({
    ...key,
    ...(expires !== undefined && { expires: new Date(expires).toISOString() }),
  }));
  writeFileSync(path.join(folder, 'cloud/keys.json'), JSON.stringify(written));
  rmSync(path.join(folder, 'cloud/credentials'), { force: true });
  return keys;
}

/** The environment of a program that signs with a key. */
export const environmentOf = ({ accessKey, secret, sessionToken }: Key): Record<string, string> => ({
  AWS_ACCESS_KEY_ID: accessKey,
  AWS_SECRET_ACCESS_KEY: secret,
  ...(sessionToken !== undefined && { AWS_SESSION_TOKEN: sessionToken }),
});

export const signingWith =
  (key: Key): Spawn =>
  (command, args) =>
    spawn(...endingWithUs(command, args), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environmentOf(key) },
    });
