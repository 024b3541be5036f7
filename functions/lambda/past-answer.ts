/** The answers of history, on the wire. Each field is named: what is not named here is not shown. */
import { type Address, formatAddress, formatCidr } from '../../protocol/address.ts';
import type { PastStateLine, ViewAddressAtAnswer } from '../../protocol/history-messages.ts';
import type { Past, PastState } from '../ipam/history/whois.ts';
import { isoTime } from '../ipam/world.ts';

const timeOrNull = (time: number | undefined): string | null => (time === undefined ? null : isoTime(time));

export function pastAnswer(past: Past, address: Address, second: number): ViewAddressAtAnswer {
  if (!past.isKnown) return { Outcome: 'not-known', From: timeOrNull(past.since), To: timeOrNull(past.until) };
  return {
    Outcome: 'done',
    Address: formatAddress(address),
    At: isoTime(second * 1_000),
    States: past.states.map(stateLine),
  };
}

const stateLine = ({ state, pool, host, mac, endpoint, since }: PastState): PastStateLine => ({
  State: state === 'no-pool' ? 'none' : state,
  Pool: pool === undefined ? null : formatCidr(pool),
  Host: host,
  Mac: mac,
  Endpoint: endpoint,
  Since: timeOrNull(since),
});
