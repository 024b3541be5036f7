/** The addresses of this host itself. In a pool that covers the host's LAN, no container may get them. */
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

/** Bytes that fit into the header. */
const MAX_HEADER_LENGTH = 2_000;
/** Docker's names of bridges and containers' interfaces. Their addresses are gateways, which are reserved anyway. */
const OF_DOCKER = /^(docker\d|docker_|br-|veth)/;

/** The addresses of interfaces that are up, those of the machine before those of Docker's bridges. */
export function hostAddresses(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces()): string[] {
  const names = Object.keys(interfaces).sort((a, b) => Number(OF_DOCKER.test(a)) - Number(OF_DOCKER.test(b)));
  const addresses = names
    .flatMap((name) => interfaces[name] ?? [])
    .filter(({ internal, address }) => !internal && !isLinkLocal(address))
    .map(({ address }) => address);
  let length = 0;
  return [...new Set(addresses)].filter((address) => (length += address.length + 1) <= MAX_HEADER_LENGTH);
}

const isLinkLocal = (address: string): boolean => /^(fe[89ab]|169\.254\.)/i.test(address);
