/** Berth on a simulated host. */
import path from 'node:path';
import { type Berth, startBerth } from '../../support/berth-process.ts';
import type { Host } from './host.ts';

const SOCKETS = ['--sockets', '/run/docker/plugins'];

/** Everything on this host, with the defaults of root but for the data. */
export const startUp = (host: Host): Promise<Berth> =>
  startBerth(['up', ...SOCKETS, '--data', dataOf(host), '--host-id', host.name], (command, args) =>
    host.spawn(command, args),
  );

/** The shim alone, on the cloud of another host. */
export const startShim = (host: Host, cloudOf: Host): Promise<Berth> =>
  startBerth(
    ['shim', ...SOCKETS, '--data', dataOf(host), '--host-id', host.name, '--endpoint', endpointOf(cloudOf)],
    (command, args) => host.spawn(command, args),
  );

const dataOf = (host: Host): string => path.join(host.folder, 'b');

const endpointOf = (host: Host): string => `unix:${path.join(dataOf(host), 'cloud/capabilities.sock')}`;

interface Address {
  readonly ip: string;
  readonly ip6: string;
  readonly mac: string;
}

/** A container's addresses on its one network. */
export async function addressOf(host: Host, container: string): Promise<Address> {
  const fields = '{{range .NetworkSettings.Networks}}{{.IPAddress}},{{.GlobalIPv6Address}},{{.MacAddress}}{{end}}';
  const [ip = '', ip6 = '', mac = ''] = (await host.docker('inspect', '-f', fields, container)).split(',');
  return { ip, ip6, mac };
}

/** Starts a container that stays. */
export async function runContainer(host: Host, name: string, ...options: readonly string[]): Promise<Address> {
  await host.docker('run', '-d', '--name', name, ...options, 'busybox', 'sleep', '3600');
  return addressOf(host, name);
}

/** Resolves when the container gets an answer from an address. */
export async function ping(host: Host, container: string, address: string): Promise<void> {
  await host.docker('exec', container, 'ping', '-c', '1', '-W', '5', address);
}

/** Subnets of a network, IPv4 first. */
export async function subnetsOf(host: Host, network: string): Promise<string[]> {
  const text = await host.docker('network', 'inspect', '-f', '{{range .IPAM.Config}}{{.Subnet}} {{end}}', network);
  return text.trim().split(/\s+/);
}
