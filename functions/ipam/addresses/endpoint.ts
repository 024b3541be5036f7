/** What dockerd says about the endpoint that an address is for, and how Berth recognises it when it is started again. */
import { MAC_ADDRESS } from '../../../protocol/ids.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import type { PoolId } from '../pool-id.ts';
import { quote } from '../quote.ts';
import { Refusal } from '../refusal.ts';
import { GIVEN_MARK, encodeSlot, wasGiven } from '../slot.ts';
import { MIN_COOLDOWN_MS } from '../space.ts';
import { digestText } from '../world.ts';

export interface Endpoint {
  /** `aa:bb:cc:dd:ee:ff`, or '' if the engine sends none. */
  readonly mac: string;
  /** The container's name (engine 29 and later), or ''. */
  readonly name: string;
}

const STICKY_WIDTH = 6;

/** @throws Refusal when the MAC is invalid. */
export function parseEndpoint(options: Readonly<Record<string, string>>): Endpoint {
  const mac = (options['com.docker.network.endpoint.macaddress'] ?? '').toLowerCase();
  if (mac !== '' && !MAC_ADDRESS.test(mac)) {
    throw new Refusal('invalid-request', `invalid MAC address: ${quote(mac)}`);
  }
  return { mac, name: options['com.docker.network.endpoint.name'] ?? '' };
}

/**
 * What identifies an endpoint when it is started again. It includes the host, or all containers named `web` of a fleet
 * would prefer the same slot. Without name and MAC the endpoint is not recognised, and its request key is used.
 */
export function stickyText(call: Call, { mac, name }: Endpoint): string {
  if (name !== '') return `name ${call.hostId} ${name}`;
  return mac === '' ? `call ${call.requestKey}` : `mac ${call.hostId} ${mac}`;
}

export const stickyTag = ({ world }: Deps, call: Call, endpoint: Endpoint): string =>
  digestText(world, `sticky ${stickyText(call, endpoint)}`, STICKY_WIDTH);

/** The tag of an address that an endpoint has requested by address. */
export const givenTag = (deps: Deps, call: Call, endpoint: Endpoint): string =>
  GIVEN_MARK + stickyTag(deps, call, endpoint).slice(GIVEN_MARK.length);

/** Whether a tag is of the endpoint whose `stickyTag` is given, whether or not it requested the address itself. */
export const isTagOf = (tag: string | undefined, sticky: string): boolean =>
  wasGiven(tag) ? tag?.slice(GIVEN_MARK.length) === sticky.slice(GIVEN_MARK.length) : tag === sticky;

/** The cool-down of what was freed before this time (ms) is over. */
export const cooledBy = ({ world }: Deps, { cooldown }: PoolId): number =>
  world.now() - Math.max(cooldown, MIN_COOLDOWN_MS);

/** The slot of an endpoint's lease: the same for every attempt of a call. */
export const leaseOf = (call: Call, id: PoolId, { mac, name }: Endpoint): string =>
  encodeSlot({ kind: 'leased', ref: id.ref, requestKey: call.requestKey, mac, name });
