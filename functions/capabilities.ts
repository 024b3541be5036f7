/** What the plugin can do, and where its other functions are. Touches no table. */
import type { CheckerAnswer } from '../protocol/check-messages.ts';
import { handshakeHeaders } from '../protocol/headers.ts';
import type { HandshakeAnswer } from '../protocol/host-messages.ts';
import { globalSpaceOf } from '../protocol/ids.ts';
import type { Driver } from '../protocol/methods.ts';
import type { ConsoleAnswer } from '../protocol/operator-messages.ts';
import type { ViewerAnswer } from '../protocol/viewer-messages.ts';
import { DEFAULT_SPACE_NAME } from './ipam/space.ts';
import { capabilitiesEnv, parseEnv } from './lambda/env.ts';
import { type Method, type Request, handle, parseAs } from './lambda/handler.ts';

const env = parseEnv(capabilitiesEnv);

/**
 * `berth` receives the MAC of every endpoint. ipvlan endpoints fail with that ("ipvlan interfaces do not support custom
 * mac address assignment", moby/moby#45880), so there is a second driver. Neither asks dockerd to replay its requests at
 * start: the table knows what is held, and an error during a replay would end live pools.
 */
const capabilitiesOf = (driver: Driver): HandshakeAnswer['Capabilities'] => ({
  RequiresMACAddress: driver === 'berth',
  RequiresRequestReplay: false,
});

const spacesOf = (space: string): HandshakeAnswer['AddressSpaces'] => ({
  LocalDefaultAddressSpace: space,
  GlobalDefaultAddressSpace: globalSpaceOf(space),
});

/** The driver and the space that the answer is for. */
const asker = ({ headers }: Request) => {
  const parsed = parseAs(handshakeHeaders, headers, 'the header of the request');
  return { driver: parsed['berth-driver'], space: parsed['berth-space'] ?? DEFAULT_SPACE_NAME };
};

const getCapabilities: Method = (request) => capabilitiesOf(asker(request).driver);

const getDefaultAddressSpaces: Method = (request) => spacesOf(asker(request).space);

/** Everything that a shim needs when it starts, in one answer. */
const handshake = (request: Request): HandshakeAnswer & ConsoleAnswer & ViewerAnswer & CheckerAnswer => {
  const { driver, space } = asker(request);
  return {
    Capabilities: capabilitiesOf(driver),
    AddressSpaces: spacesOf(space),
    Functions: {
      Pools: env.BERTH_POOLS_URL,
      Addresses: env.BERTH_ADDRESSES_URL,
      Hosts: env.BERTH_HOSTS_URL,
      Console: env.BERTH_CONSOLE_URL,
      Viewer: env.BERTH_VIEWER_URL,
      Check: env.BERTH_CHECK_URL,
    },
  };
};

export const handler = handle({
  '/IpamDriver.GetCapabilities': getCapabilities,
  '/IpamDriver.GetDefaultAddressSpaces': getDefaultAddressSpaces,
  '/Berth.Handshake': handshake,
});
