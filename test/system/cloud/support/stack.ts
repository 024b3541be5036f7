/** A deployed stack, described by its outputs. */
import * as v from 'valibot';
import { type Emulator, type Keys, ACCOUNT } from './emulator.ts';

const described = v.object({
  Stacks: v.tuple([v.object({ Outputs: v.array(v.object({ OutputKey: v.string(), OutputValue: v.string() })) })]),
});
const madeKey = v.object({ AccessKey: v.object({ AccessKeyId: v.string(), SecretAccessKey: v.string() }) });
const assumed = v.object({
  Credentials: v.object({ AccessKeyId: v.string(), SecretAccessKey: v.string(), SessionToken: v.string() }),
});

/** @returns the outputs by their names. */
export async function outputsOf(emulator: Emulator, stack: string): Promise<Readonly<Record<string, string>>> {
  const { Stacks } = v.parse(
    described,
    await emulator.aws(['cloudformation', 'describe-stacks', '--stack-name', stack]),
  );
  return Object.fromEntries(Stacks[0].Outputs.map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]));
}

/** A user with one policy and nothing else. */
export async function makeUser(emulator: Emulator, name: string, policy: string): Promise<Keys> {
  await emulator.aws(['iam', 'create-user', '--user-name', name]);
  await emulator.aws(['iam', 'attach-user-policy', '--user-name', name, '--policy-arn', policy]);
  const { AccessKey } = v.parse(madeKey, await emulator.aws(['iam', 'create-access-key', '--user-name', name]));
  return { AWS_ACCESS_KEY_ID: AccessKey.AccessKeyId, AWS_SECRET_ACCESS_KEY: AccessKey.SecretAccessKey };
}

const EC2_MAY = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
};

/** A role that EC2 gives to instances, without any policy. */
export async function makeInstanceRole(emulator: Emulator, name: string): Promise<void> {
  const document = JSON.stringify(EC2_MAY);
  await emulator.aws(['iam', 'create-role', '--role-name', name, '--assume-role-policy-document', document]);
}

/** The credentials that an instance with the role gets. */
export async function instanceKeys(emulator: Emulator, role: string, instance: string): Promise<Keys> {
  const arn = `arn:aws:iam::${ACCOUNT}:role/${role}`;
  const answer = await emulator.aws(['sts', 'assume-role', '--role-arn', arn, '--role-session-name', instance]);
  const { AccessKeyId, SecretAccessKey, SessionToken } = v.parse(assumed, answer).Credentials;
  return { AWS_ACCESS_KEY_ID: AccessKeyId, AWS_SECRET_ACCESS_KEY: SecretAccessKey, AWS_SESSION_TOKEN: SessionToken };
}

const item = v.object({
  pk: v.object({ S: v.string() }),
  sk: v.object({ S: v.string() }),
  state: v.optional(v.object({ S: v.string() })),
});
const scanned = v.object({ Items: v.array(item) });
interface Item {
  readonly pk: string;
  readonly sk: string;
  /** The state of a host or a reference. */
  readonly state: string | undefined;
}
const filtered = v.object({ events: v.array(v.object({ message: v.string() })) });

export async function itemsOf(emulator: Emulator, table: string): Promise<Item[]> {
  const { Items } = v.parse(scanned, await emulator.aws(['dynamodb', 'scan', '--table-name', table]));
  return Items.map(({ pk, sk, state }) => ({ pk: pk.S, sk: sk.S, state: state?.S }));
}

/** What a function itself has logged: lines of JSON. */
export async function messagesOf(emulator: Emulator, name: string): Promise<string[]> {
  const { events } = v.parse(
    filtered,
    await emulator.aws(['logs', 'filter-log-events', '--log-group-name', `/aws/lambda/${name}`]),
  );
  return events.map(({ message }) => message).filter((message) => message.startsWith('{'));
}
