/** All that viewers may see, page by page: no list is held in memory as a whole. */
import { type SpaceAnswer, type SpaceMessage, spaceAnswer } from '../../protocol/operator-messages.ts';
import {
  type AddressUse,
  type Holder,
  type HostLine,
  type PoolUse,
  type ViewAddressesMessage,
  type ViewHostsMessage,
  type ViewPoolMessage,
  type ViewPoolsMessage,
  type ViewSpacesMessage,
  viewAddressesAnswer,
  viewHostsAnswer,
  viewPoolAnswer,
  viewPoolsAnswer,
  viewSpacesAnswer,
} from '../../protocol/viewer-messages.ts';
import { type Viewer, pagesOf } from './viewer.ts';

/** The spaces that the fleet knows, and the default one, which every fleet has. */
export async function spaceNames(view: Viewer): Promise<string[]> {
  const names = new Set(['default']);
  const read = (After: string | null) =>
    view('/Berth.ViewSpaces', { After } satisfies ViewSpacesMessage, viewSpacesAnswer);
  for await (const { Spaces } of pagesOf(read)) for (const { Space } of Spaces) names.add(Space);
  return [...names].sort();
}

export const oneSpace = (view: Viewer, space: string): Promise<SpaceAnswer> =>
  view('/Berth.ViewSpace', { Space: space } satisfies SpaceMessage, spaceAnswer);

export async function* poolPages(view: Viewer, space: string): AsyncGenerator<PoolUse[]> {
  const read = (After: string | null) =>
    view('/Berth.ViewPools', { Space: space, After } satisfies ViewPoolsMessage, viewPoolsAnswer);
  for await (const { Pools } of pagesOf(read)) yield Pools;
}

/** Nothing of a pool that has ended since it was listed. */
export async function* holderPages(view: Viewer, { Space, Pool }: PoolUse): AsyncGenerator<Holder[]> {
  const read = async (After: string | null) => {
    const answer = await view('/Berth.ViewPool', { Space, Pool, After } satisfies ViewPoolMessage, viewPoolAnswer);
    return answer.Outcome === 'done' ? answer : { Holders: [], Next: null };
  };
  for await (const { Holders } of pagesOf(read)) yield Holders;
}

interface AddressPage {
  readonly Addresses: AddressUse[];
  readonly IsAll: boolean;
}

/** Nothing of a pool that has ended since it was listed. */
export async function* addressPages(
  view: Viewer,
  { Space, Pool }: Pick<PoolUse, 'Space' | 'Pool'>,
): AsyncGenerator<AddressPage> {
  const read = async (After: string | null) => {
    const message = { Space, Pool, After } satisfies ViewAddressesMessage;
    const answer = await view('/Berth.ViewAddresses', message, viewAddressesAnswer);
    return answer.Outcome === 'done' ? answer : { Addresses: [], IsAll: true, Next: null };
  };
  for await (const { Addresses, IsAll } of pagesOf(read)) yield { Addresses, IsAll };
}

export async function* hostPages(view: Viewer): AsyncGenerator<HostLine[]> {
  const read = (After: string | null) =>
    view('/Berth.ViewHosts', { After } satisfies ViewHostsMessage, viewHostsAnswer);
  for await (const { Hosts } of pagesOf(read)) yield Hosts;
}
