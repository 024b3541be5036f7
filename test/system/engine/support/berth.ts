/** Berth on a simulated host. */
import path from 'node:path';
import * as v from 'valibot';
import type { Method } from '../../../../protocol/methods.ts';
import { askHealth } from '../../../../shim/commands/ask-health.ts';
import { type Berth, startBerth } from '../../../support/berth-process.ts';
import { until } from '../../../support/deadlines.ts';
import type { Host } from './host.ts';

const SOCKETS = ['--sockets', '/run/docker/plugins'];

/** Everything on this host, with the defaults of root except for the data folder. */
export const startUp = (host: Host): Promise<Berth> =>
  startBerth(['up', ...SOCKETS, '--data', dataOf(host), '--host-id', host.name], (command, args) =>
    host.spawn(command, args),
  );

/** The shim alone, on a cloud elsewhere. */
export const startShim = (host: Host, endpoint: string, ...options: readonly string[]): Promise<Berth> =>
  startBerth(
    ['shim', ...SOCKETS, '--data', dataOf(host), '--host-id', host.name, '--endpoint', endpoint, ...options],
    (command, args) => host.spawn(command, args),
  );

/** The folder for data of a host that must survive a restart. */
export const dataOf = (host: Host): string => path.join(host.folder, 'b');

/** Of the cloud that runs with startUp on a host. */
export const endpointOf = (host: Host): string => `unix:${path.join(dataOf(host), 'cloud/capabilities.sock')}`;

const loggedCall = v.object({
  msg: v.picklist(['answered', 'refused']),
  method: v.string(),
  attempts: v.number(),
  /** ms spent waiting for the cloud. */
  cloudMs: v.number(),
});
export type LoggedCall = v.InferOutput<typeof loggedCall>;

/** dockerd's calls of a method, from the log. */
export function callsOf(berth: Berth, method: Method): LoggedCall[] {
  // What a killed process was about to write may not be a complete line.
  const lines = berth.log().split('\n').slice(0, -1);
  const calls = lines.flatMap((line) => {
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), loggedCall), line);
    return parsed.success ? [parsed.output] : [];
  });
  return calls.filter((call) => call.method === method);
}

const POLL_MS = 100;
const LATEST_MS = 90_000;

/** Waits until the shim's counts of calls that are begun, or have not reached the cloud, are as wanted. */
export async function untilOpen(host: Host, isWanted: (depth: number) => boolean): Promise<void> {
  let seen = '';
  const isThere = async (): Promise<boolean> => {
    const { journal } = await askHealth(path.join(host.pluginsDir, 'berth.sock'));
    seen = JSON.stringify(journal);
    return isWanted(journal.depth);
  };
  const what = () => `the journal of ${host.name} is as wanted: ${seen}`;
  await until(isThere, what, { milliseconds: LATEST_MS, pause: POLL_MS });
}

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

/** Resolves when an address answers the container. */
export async function ping(host: Host, container: string, address: string): Promise<void> {
  await host.docker('exec', container, 'ping', '-c', '1', '-W', '5', address);
}

/** Subnets of a network, IPv4 first. */
export async function subnetsOf(host: Host, network: string): Promise<string[]> {
  const text = await host.docker('network', 'inspect', '-f', '{{range .IPAM.Config}}{{.Subnet}} {{end}}', network);
  return text.trim().split(/\s+/);
}
