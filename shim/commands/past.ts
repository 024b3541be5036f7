/** `berth whois ADDRESS --at TIME`: who had an address. */
import {
  type PastStateLine,
  type ViewAddressAtAnswer,
  type ViewAddressAtMessage,
  viewAddressAtAnswer,
} from '../../protocol/history-messages.ts';
import { UsageError } from '../user-error.ts';
import { ConsoleRefusal } from './host.ts';
import { factsOf } from './table.ts';
import type { Viewer } from './viewer.ts';

const ISO_TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;

/**
 * Seconds since the epoch, of a time as people write it.
 *
 * @throws UsageError when the text is no time.
 */
export function secondOf(text: string): number {
  if (/^\d{1,11}$/.test(text)) return Number(text);
  const time = ISO_TIME.test(text) ? Date.parse(text) : NaN;
  if (!Number.isNaN(time) && time >= 0) return Math.floor(time / 1_000);
  throw new UsageError(`"${text}" is not a time; give one such as 2026-11-24T09:30:00Z, or seconds since 1970`);
}

export type Past = Extract<ViewAddressAtAnswer, { Outcome: 'done' }>;

/** @throws ConsoleRefusal when history does not know. */
export async function whoHad(view: Viewer, space: string, address: string, second: number): Promise<Past> {
  const message = { Space: space, Address: address, At: second } satisfies ViewAddressAtMessage;
  const answer = await view('/Berth.ViewAddressAt', message, viewAddressAtAnswer);
  if (answer.Outcome === 'done') return answer;
  if (answer.Outcome === 'off') throw new ConsoleRefusal('this fleet keeps no history', 'history-off');
  throw new ConsoleRefusal(notKnown(answer, second), 'time-unknown');
}

function notKnown({ From, To }: Extract<ViewAddressAtAnswer, { Outcome: 'not-known' }>, second: number): string {
  const at = new Date(second * 1_000).toISOString();
  if (From !== null) return `who had the address at ${at} is not known: history has all changes since ${From}`;
  if (To === null)
    return `who had the address at ${at} is not known yet: history has just begun; ask again in a minute`;
  return `who had the address at ${at} is not known yet: history has all changes until ${To}; ask again in a minute`;
}

export function describePast({ Address, At, States }: Past): string {
  const states = States.map(factsOfState).flatMap((facts, index) => (index === 0 ? facts : [OR, ...facts]));
  return factsOf([['address', Address], ['at', At], ...states]);
}

/** It changed within that second: each of the states was true in a part of it. */
const OR = ['or', ''] as const;

function factsOfState({ State, Pool, Host, Endpoint, Mac, Since }: PastStateLine): [string, string][] {
  const facts: [string, string][] = [
    ['pool', Pool ?? ''],
    ['state', State === 'none' ? 'in no pool' : State],
    ['host', Host],
    ['endpoint', Endpoint],
    ['MAC', Mac],
    ['since', Since ?? ''],
  ];
  return facts.filter(([, value]) => value !== '');
}
