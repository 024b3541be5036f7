/** What viewers call: it shows the fleet and changes nothing. Its role cannot write, and cannot scan. */
import { type Address, type Cidr, formatCidr, parseAddress, parseCidr } from '../protocol/address.ts';
import { type ViewAddressAtAnswer, viewAddressAtMessage } from '../protocol/history-messages.ts';
import { isSpaceName } from '../protocol/ids.ts';
import { spaceMessage, type HostAnswer, type SpaceAnswer } from '../protocol/operator-messages.ts';
import {
  type ViewAddressAnswer,
  type ViewAddressesAnswer,
  type ViewFindAnswer,
  type ViewFreeAnswer,
  type ViewFreeSubnetsAnswer,
  type ViewHostsAnswer,
  type ViewPoolAnswer,
  type ViewPoolsAnswer,
  type ViewSpacesAnswer,
  type ViewUsageAnswer,
  viewAddressMessage,
  viewAddressesMessage,
  viewFindMessage,
  viewFreeMessage,
  viewFreeSubnetsMessage,
  viewHostMessage,
  viewHostsMessage,
  viewPoolMessage,
  viewPoolsMessage,
  viewSpacesMessage,
  viewUsageMessage,
} from '../protocol/viewer-messages.ts';
import { openHistory } from './dynamo/open-history.ts';
import { openWithNotes } from './dynamo/open-notes.ts';
import { whoHadAddress } from './ipam/history/whois.ts';
import { viewHost } from './ipam/hosts/host-view.ts';
import { quote } from './ipam/quote.ts';
import { Refusal } from './ipam/refusal.ts';
import { usageOf } from './ipam/notes.ts';
import { showSpace } from './ipam/spaces/change.ts';
import { listAddresses, whoseAddress } from './ipam/views/addresses.ts';
import { findAddresses } from './ipam/views/find.ts';
import { freeAddresses } from './ipam/views/free.ts';
import { freeSubnets } from './ipam/views/free-subnets.ts';
import { listHosts } from './ipam/views/hosts.ts';
import { refusePlace } from './ipam/views/place.ts';
import { listPools, showPool } from './ipam/views/pools.ts';
import { historyEnv, parseEnv, tableEnv } from './lambda/env.ts';
import { type Request, handle, parseMessage, parseViewer } from './lambda/handler.ts';
import { hostView } from './lambda/host-answer.ts';
import { pastAnswer } from './lambda/past-answer.ts';
import { spaceView } from './lambda/space-answer.ts';
import {
  addressUse,
  freeRange,
  freeRun,
  holder,
  hostLine,
  poolUse,
  spaceLine,
  usageLine,
} from './lambda/view-answers.ts';
import { realWorld as world } from './lambda/world.ts';

const { store, notes } = openWithNotes(parseEnv(tableEnv).BERTH_TABLE, world);
const deps = { world, store };
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

const spaces = async (request: Request): Promise<ViewSpacesAnswer> => {
  const { After: after } = parseMessage(viewSpacesMessage, request);
  parseViewer(request);
  refusePlace(after ?? undefined, isSpaceName);
  const { items, more } = await notes.list(after ?? undefined);
  return { Spaces: items.map(spaceLine), Next: more ? (items.at(-1)?.space ?? null) : null };
};

const usage = async (request: Request): Promise<ViewUsageAnswer> => {
  const { Space: space } = parseMessage(viewUsageMessage, request);
  parseViewer(request);
  return { Usage: (await usageOf(notes, space, world.now())).map(usageLine) };
};

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

const free = async (request: Request): Promise<ViewFreeAnswer> => {
  const { Space: space, Pool: text, After: after } = parseMessage(viewFreeMessage, request);
  parseViewer(request);
  const seen = await freeAddresses(deps, { space, cidr: cidrOf(text) }, after ?? undefined, deadlineOf(request));
  if (seen.outcome === 'unknown') return { Outcome: 'unknown' };
  const Size = String(seen.size);
  if (seen.outcome === 'large') return { Outcome: 'large', Size };
  return { Outcome: 'done', Size, Ranges: seen.ranges.map(freeRange), Next: seen.next ?? null };
};

const subnets = async (request: Request): Promise<ViewFreeSubnetsAnswer> => {
  const { Space: space, Family: family, Size: asked, After: after } = parseMessage(viewFreeSubnetsMessage, request);
  parseViewer(request);
  const question = { space, family, size: asked ?? undefined };
  const { size: Size, runs, next } = await freeSubnets(deps, question, after ?? undefined, deadlineOf(request));
  return { Size, Ranges: runs.map(freeRun), Next: next ?? null };
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
  '/Berth.ViewSpaces': spaces,
  '/Berth.ViewUsage': usage,
  '/Berth.ViewPools': pools,
  '/Berth.ViewPool': pool,
  '/Berth.ViewAddresses': addresses,
  '/Berth.ViewAddress': address,
  '/Berth.ViewAddressAt': addressAt,
  '/Berth.ViewFind': find,
  '/Berth.ViewFree': free,
  '/Berth.ViewFreeSubnets': subnets,
  '/Berth.ViewHosts': hosts,
  '/Berth.ViewHost': host,
  '/Berth.ViewSpace': space,
});
