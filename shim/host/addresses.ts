/** The addresses that this host has itself: in a pool that its LAN shares they are nobody's. */
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

/** The header has room for so many bytes. */
const MAX_LENGTH = 2_000;
/** As Docker names its bridges and the ends of containers: what they have is a network's gateway, which is kept anyway. */
const OF_DOCKER = /^(docker\d|docker_|br-|veth)/;

/** Those of interfaces that are up, the machine's own before those of Docker's bridges. */
export function hostAddresses(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces()): string[] {
  const names = Object.keys(interfaces).sort((a, b) => Number(OF_DOCKER.test(a)) - Number(OF_DOCKER.test(b)));
  const addresses = names
    .flatMap((name) => interfaces[name] ?? [])
    .filter(({ internal, address }) => !internal && !isLinkLocal(address))
    .map(({ address }) => address);
  let length = 0;
  return [...new Set(addresses)].filter((address) => (length += address.length + 1) <= MAX_LENGTH);
}

const isLinkLocal = (address: string): boolean => /^(fe[89ab]|169\.254\.)/i.test(address);
