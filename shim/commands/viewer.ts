/** What a viewer asks the fleet: pools, addresses and hosts. Nothing here changes anything. */
import type { Command } from 'commander';
import type * as v from 'valibot';
import { viewerAnswer } from '../../protocol/viewer-messages.ts';
import { UserError } from '../user-error.ts';
import { endpointNamedBy } from '../endpoint.ts';
import { ConsoleRefusal, type Fleet, type OperatorOptions, ask, shakeHands } from './host.ts';

const ANSWER_TIMEOUT_MS = 15_000;

/**
 * Asks where the viewer is, once, and returns what asks it.
 *
 * @throws UserError when the fleet does not answer, refuses, or has no viewer.
 */
export async function viewerOf(fleet: Fleet) {
  const { Functions } = await shakeHands(fleet, viewerAnswer);
  if (Functions.Viewer === undefined) {
    throw new UserError(
      'the functions are of an earlier version, which shows no pools and addresses: deploy this version',
    );
  }
  const viewer = { cloud: fleet.cloud, endpoint: endpointNamedBy(fleet.endpoint, Functions.Viewer) };
  return <Schema extends v.GenericSchema>(path: string, message: object, schema: Schema) =>
    ask(viewer, schema, { path, headers: {}, body: JSON.stringify(message), timeout: ANSWER_TIMEOUT_MS });
}

export type Viewer = Awaited<ReturnType<typeof viewerOf>>;

interface Listed {
  readonly Next: string | null;
}

/** All pages of a list. @param read reads the page after a place; `null`: the first. */
export async function* pagesOf<Page extends Listed>(
  read: (after: string | null) => Promise<Page>,
): AsyncGenerator<Page> {
  let after: string | null = null;
  do {
    const page: Page = await read(after);
    yield page;
    after = page.Next;
  } while (after !== null);
}

export interface InSpace extends OperatorOptions {
  readonly space: string;
}

export const inSpace = (command: Command): Command =>
  command.option('--space <name>', 'the address space of the pool', 'default');

export const noPool = (space: string, subnet: string): ConsoleRefusal =>
  new ConsoleRefusal(
    `there is no pool ${subnet} in space ${space}; berth pools ${space} lists those that there are`,
    'pool-unknown',
  );

/** The fields of an answer, as programs read them: in camelCase. */
export function jsonOf(answer: object): object {
  if (Array.isArray(answer)) return answer.map((each: unknown) => (isObject(each) ? jsonOf(each) : each));
  return Object.fromEntries(
    Object.entries(answer).map(([name, value]: [string, unknown]) => [
      name.charAt(0).toLowerCase() + name.slice(1),
      isObject(value) ? jsonOf(value) : value,
    ]),
  );
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
