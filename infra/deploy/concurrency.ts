/**
 * Decides whether a deployment without the parameter `concurrency` reserves concurrency for the functions: it does if the
 * account has enough of it, or if the stack already does. Asked before the deployment, with its credentials.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { type Asked, askAws } from './aws.ts';
import { tool } from './tools.ts';

/** What must stay unreserved (Lambda Developer Guide, "Configuring reserved concurrency"). */
const MIN_LEFT_EXECUTIONS = 100;

export interface Choice {
  readonly concurrency: 'on' | 'off';
  /** A sentence for the person who deploys. */
  readonly why: string;
}

/** The concurrency of an account. */
interface Account {
  /** Concurrent executions of all functions together. */
  readonly quota: number;
  /** Those that no function has reserved. */
  readonly unreserved: number;
}

/** @param wanted concurrent executions that all functions of a stack reserve together. */
export function choose(wanted: number, { quota, unreserved }: Account): Choice {
  const has = `the account has ${quota} concurrent executions, ${unreserved} of them unreserved`;
  if (unreserved - wanted >= MIN_LEFT_EXECUTIONS)
    return { concurrency: 'on', why: `the functions reserve ${wanted}: ${has}` };
  const needed = quota - unreserved + wanted + MIN_LEFT_EXECUTIONS;
  return {
    concurrency: 'off',
    why:
      `the functions reserve none: ${has}, and AWS requires ${MIN_LEFT_EXECUTIONS} to stay unreserved besides Berth's ${wanted}. ` +
      `For production raise the quota to ${needed} (Service Quotas, Lambda, "Concurrent executions") and deploy again`,
  };
}

const settings = v.object({
  AccountLimit: v.object({ ConcurrentExecutions: v.number(), UnreservedConcurrentExecutions: v.number() }),
});
const deployed = v.object({ TemplateBody: v.string() });

/**
 * A stack that has reservations keeps them, whatever the account has left.
 *
 * @throws Error when AWS does not answer: then the person who deploys has to choose.
 */
export async function chooseConcurrency(asked: Asked): Promise<Choice> {
  try {
    if (await isReserving(asked))
      return { concurrency: 'on', why: 'the functions of this stack keep what they reserve' };
    const answer = await askAws('Lambda', 'GetAccountSettings', {}, asked);
    const { AccountLimit } = v.parse(settings, answer);
    const { ConcurrentExecutions: quota, UnreservedConcurrentExecutions: unreserved } = AccountLimit;
    return choose(reservedByOn(), { quota, unreserved });
  } catch (error) {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new Error(
      `Cannot read whether the account has concurrency to reserve: ${reason}. Allow cloudformation:GetTemplate and ` +
        'lambda:GetAccountSettings, or pass --param concurrency=on or --param concurrency=off.',
      { cause: error },
    );
  }
}

/** Reads the template that was deployed last, not the functions, whose number may be set by hand, as during a restore. */
async function isReserving(asked: Asked): Promise<boolean> {
  const question = { StackName: `berth-${asked.stage}`, TemplateStage: 'Original' };
  try {
    const answer = await askAws('CloudFormation', 'GetTemplate', question, asked);
    return v.parse(deployed, answer).TemplateBody.includes('"ReservedConcurrentExecutions"');
  } catch (error) {
    if (error instanceof Error && error.name === 'ValidationError' && error.message.includes('does not exist'))
      return false;
    throw error;
  }
}

/** The sum of infra/concurrency/on.yml. */
function reservedByOn(): number {
  const { load } = v.parse(v.object({ load: v.custom<(text: string) => unknown>(isFunction) }), tool('js-yaml'));
  const text = readFileSync(path.join(import.meta.dirname, '../concurrency/on.yml'), 'utf8');
  const numbers = Object.values(v.parse(v.record(v.string(), v.unknown()), load(text)));
  return numbers.reduce<number>((sum, one) => (typeof one === 'number' ? sum + one : sum), 0);
}

const isFunction = (value: unknown): boolean => typeof value === 'function';
