/** What viewers call: it shows the fleet and changes nothing. Its role cannot write, and cannot scan. */
import { type Address, type Cidr, formatCidr, parseAddress, parseCidr } from '../protocol/address.ts';
import { type ViewAddressAtAnswer, viewAddressAtMessage } from '../protocol/history-messages.ts';
import { spaceMessage, type HostAnswer, type SpaceAnswer } from '../protocol/operator-messages.ts';
import {
  type ViewAddressAnswer,
  type ViewAddressesAnswer,
  type ViewFindAnswer,
  type ViewHostsAnswer,
  type ViewPoolAnswer,
  type ViewPoolsAnswer,
  viewAddressMessage,
  viewAddressesMessage,
  viewFindMessage,
  viewHostMessage,
  viewHostsMessage,
  viewPoolMessage,
  viewPoolsMessage,
} from '../protocol/viewer-messages.ts';
import { openHistory } from './dynamo/open-history.ts';
import { openStore } from './dynamo/open.ts';
import { whoHadAddress } from './ipam/history/whois.ts';
import { viewHost } from './ipam/hosts/host-view.ts';
import { quote } from './ipam/quote.ts';
import { Refusal } from './ipam/refusal.ts';
import { showSpace } from './ipam/spaces/change.ts';
import { listAddresses, whoseAddress } from './ipam/views/addresses.ts';
import { findAddresses } from './ipam/views/find.ts';
import { listHosts } from './ipam/views/hosts.ts';
import { listPools, showPool } from './ipam/views/pools.ts';
import { historyEnv, parseEnv, tableEnv } from './lambda/env.ts';
import { type Request, handle, parseMessage, parseViewer } from './lambda/handler.ts';
import { hostView } from './lambda/host-answer.ts';
import { pastAnswer } from './lambda/past-answer.ts';
import { spaceView } from './lambda/space-answer.ts';
import { addressUse, holder, hostLine, poolUse } from './lambda/view-answers.ts';
import { realWorld as world } from './lambda/world.ts';

const deps = { world, store: openStore(parseEnv(tableEnv).BERTH_TABLE, world) };
const { BERTH_HISTORY_TABLE: historyTable, BERTH_HISTORY_DAYS: keptDays } = parseEnv(historyEnv);
const history = historyTable === undefined ? undefined : openHistory(historyTable, keptDays, world);

/** ms kept back for the last reads of a page. */
const MARGIN_MS = 3_000;
const deadlineOf = ({ deadline }: Request): number => deadline - MARGIN_MS;

/** @throws Refusal when the text is not a subnet. */
function cidrOf(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr !== undefined) return cidr;
  throw new Refusal('invalid-request', `${quote(text)} is not a subnet; give one such as 10.1.2.0/24`);
}

/** @throws Refusal when the text is not an address. */
function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (address !== undefined) return address;
  throw new Refusal('invalid-request', `${quote(text)} is not an address; give one such as 10.1.2.3`);
}

const pools = async (request: Request): Promise<ViewPoolsAnswer> => {
  const { Space: space, After: after } = parseMessage(viewPoolsMessage, request);
  parseViewer(request);
  const page = await listPools(deps, space, typeof after === 'string' ? cidrOf(after) : undefined, deadlineOf(request));
  return { Pools: page.pools.map(poolUse), Next: page.next === undefined ? null : formatCidr(page.next) };
};

const pool = async (request: Request): Promise<ViewPoolAnswer> => {
  const { Space: space, Pool: text, After: after } = parseMessage(viewPoolMessage, request);
  parseViewer(request);
  const seen = await showPool(deps, space, cidrOf(text), after ?? undefined, deadlineOf(request));
  if (seen === undefined) return { Outcome: 'unknown' };
  return { Outcome: 'done', ...poolUse(seen), Holders: seen.holders.map(holder), Next: seen.next ?? null };
};

const addresses = async (request: Request): Promise<ViewAddressesAnswer> => {
  const { Space: space, Pool: text, After: after } = parseMessage(viewAddressesMessage, request);
  parseViewer(request);
  const page = await listAddresses(deps, space, cidrOf(text), after ?? undefined, deadlineOf(request));
  if (page === undefined) return { Outcome: 'unknown' };
  const { addresses: found, isAll: IsAll, next } = page;
  return { Outcome: 'done', Addresses: found.map(addressUse), IsAll, Next: next ?? null };
};

const address = async (request: Request): Promise<ViewAddressAnswer> => {
  const { Space: space, Address: text } = parseMessage(viewAddressMessage, request);
  parseViewer(request);
  const whose = await whoseAddress(deps, space, addressOf(text));
  if (whose === undefined) return { Outcome: 'unknown' };
  const { cidr, state: PoolState } = whose.pool;
  return { Outcome: 'done', ...addressUse(whose), Pool: formatCidr(cidr), PoolState };
};

const addressAt = async (request: Request): Promise<ViewAddressAtAnswer> => {
  const { Space: space, Address: text, At: second } = parseMessage(viewAddressAtMessage, request);
  parseViewer(request);
  const asked = addressOf(text);
  if (history === undefined) return { Outcome: 'off' };
  return pastAnswer(await whoHadAddress({ world, history }, { space, address: asked, second }), asked, second);
};

const find = async (request: Request): Promise<ViewFindAnswer> => {
  const { Space: space, Text: text, After: after } = parseMessage(viewFindMessage, request);
  parseViewer(request);
  const page = await findAddresses(deps, { space, text }, after ?? undefined, deadlineOf(request));
  const Found = page.found.map(({ pool: cidr, ...state }) => ({ ...addressUse(state), Pool: formatCidr(cidr) }));
  return { Found, Pools: page.pools, IsAll: page.isAll, Next: page.next ?? null };
};

const hosts = async (request: Request): Promise<ViewHostsAnswer> => {
  const { State: state, After: after } = parseMessage(viewHostsMessage, request);
  parseViewer(request);
  const page = await listHosts(deps, state ?? undefined, after ?? undefined, deadlineOf(request));
  const now = world.now();
  return { Hosts: page.hosts.map((one) => hostLine(one, now)), Next: page.next ?? null };
};

const host = async (request: Request): Promise<HostAnswer> => {
  const { Host: id } = parseMessage(viewHostMessage, request);
  parseViewer(request);
  const view = await viewHost(deps, id);
  return view === undefined ? { Outcome: 'unknown' } : { Outcome: 'done', ...hostView(view) };
};

const space = async (request: Request): Promise<SpaceAnswer> => {
  const { Space: name } = parseMessage(spaceMessage, request);
  parseViewer(request);
  return spaceView(await showSpace(deps, name));
};

export const handler = handle({
  '/Berth.ViewPools': pools,
  '/Berth.ViewPool': pool,
  '/Berth.ViewAddresses': addresses,
  '/Berth.ViewAddress': address,
  '/Berth.ViewAddressAt': addressAt,
  '/Berth.ViewFind': find,
  '/Berth.ViewHosts': hosts,
  '/Berth.ViewHost': host,
  '/Berth.ViewSpace': space,
});
