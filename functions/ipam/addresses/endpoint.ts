/** What dockerd tells of the endpoint that an address is for, and how it is recognised when it comes back. */
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import type { PoolId } from '../pool-id.ts';
import { quote } from '../quote.ts';
import { Refusal } from '../refusal.ts';
import { GIVEN_MARK, encodeSlot, wasGiven } from '../slot.ts';
import { MIN_COOLDOWN } from '../space.ts';
import { digestText } from '../world.ts';

export interface Endpoint {
  /** `aa:bb:cc:dd:ee:ff`, or '' where the engine tells none. */
  readonly mac: string;
  /** The container's name (engine 29 and later), or ''. */
  readonly name: string;
}

const STICKY_WIDTH = 6;

/** @throws Refusal when a MAC is none. */
export function parseEndpoint(options: Readonly<Record<string, string>>): Endpoint {
  const mac = (options['com.docker.network.endpoint.macaddress'] ?? '').toLowerCase();
  if (mac !== '' && !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac)) {
    throw new Refusal('invalid-request', `invalid MAC address: ${quote(mac)}`);
  }
  return { mac, name: options['com.docker.network.endpoint.name'] ?? '' };
}

/**
 * What an endpoint keeps when it is started again. The host is part of it, or all containers named `web` of a fleet
 * would meet at one slot. Without name and MAC nothing is kept, and the call stands for itself.
 */
export function stickyText(call: Call, { mac, name }: Endpoint): string {
  if (name !== '') return `name ${call.hostId} ${name}`;
  return mac === '' ? `call ${call.requestKey}` : `mac ${call.hostId} ${mac}`;
}

export const stickyTag = ({ world }: Deps, call: Call, endpoint: Endpoint): string =>
  digestText(world, `sticky ${stickyText(call, endpoint)}`, STICKY_WIDTH);

/** The tag beside an address that an endpoint has asked for by its name. */
export const givenTag = (deps: Deps, call: Call, endpoint: Endpoint): string =>
  GIVEN_MARK + stickyTag(deps, call, endpoint).slice(GIVEN_MARK.length);

/** Whether a tag is of the endpoint whose `stickyTag` is given, however it came to its address. */
export const isTagOf = (tag: string | undefined, sticky: string): boolean =>
  wasGiven(tag) ? tag?.slice(GIVEN_MARK.length) === sticky.slice(GIVEN_MARK.length) : tag === sticky;

/** What was freed before this time (ms) has rested for as long as its pool asks. */
export const cooledBy = ({ world }: Deps, { cooldown }: PoolId): number =>
  world.now() - Math.max(cooldown, MIN_COOLDOWN);

/** The slot of an endpoint's lease: the same for every attempt of a call. */
export const leaseOf = (call: Call, id: PoolId, { mac, name }: Endpoint): string =>
  encodeSlot({ kind: 'leased', ref: id.ref, requestKey: call.requestKey, mac, name });
