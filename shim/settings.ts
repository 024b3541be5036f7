/** The settings of a shim. Default paths are the system's for root, and the user's (XDG) otherwise. */
import { homedir } from 'node:os';
import path from 'node:path';
import { DRIVERS, type Driver } from '../protocol/methods.ts';
import { UsageError } from './user-error.ts';

export interface Settings {
  /** Where the plugin's sockets go. Docker looks for plugins in /run/docker/plugins. */
  readonly sockets: string;
  /** Identity, sequence, handshake; with `berth up` the table too. */
  readonly data: string;
  readonly space: string;
  readonly hostId: string | undefined;
  /** A name that distinguishes this machine from copies of it; without one, its hardware does. */
  readonly machine: string | undefined;
  /** At least one. */
  readonly drivers: readonly [Driver, ...Driver[]];
  /** AWS region of endpoints whose name does not contain it. */
  readonly region: string | undefined;
  /** ms within which a call of dockerd is answered. */
  readonly budget: number;
  /** ms after which no attempt of a call that was given up can take effect any more. */
  readonly inFlightBound: number;
  /** Where metrics are served for Prometheus: a port on loopback, or a socket. */
  readonly metrics: MetricsPlace | undefined;
  readonly reconcile: ReconcileSettings;
}

/** How Docker is compared with the table. */
export interface ReconcileSettings {
  /** Docker's socket on this host. */
  readonly docker: string;
  readonly mode: ReconcileMode;
  /** ms between two rounds. */
  readonly every: number;
  /** ms between two sightings, after which a finding is acted on. */
  readonly secondLook: number;
}

export const RECONCILE_MODES = ['fix', 'report', 'off'] as const;
export type ReconcileMode = (typeof RECONCILE_MODES)[number];

/** @throws UsageError unless it is a socket: the Docker of another machine says nothing about this one. */
export function parseDockerSocket(text: string): string {
  const socket = text.replace(/^unix:\/\//, '');
  if (path.isAbsolute(socket)) return socket;
  throw new UsageError(`bad Docker socket ${JSON.stringify(text)}: give unix:///PATH`);
}

/** @throws UsageError unless it lists drivers, each once. */
export function parseDrivers(text: string): [Driver, ...Driver[]] {
  const named = text.split(',').map((name) => name.trim());
  const [first, ...rest] = DRIVERS.filter((driver) => named.includes(driver));
  if (first !== undefined && rest.length + 1 === named.length) return [first, ...rest];
  throw new UsageError(`bad drivers ${JSON.stringify(text)}: give ${DRIVERS.join(',')}, or one of them`);
}

export type MetricsPlace = { readonly host: string; readonly port: number } | { readonly path: string };

/** @throws UsageError unless it is on this machine: metrics show who uses which addresses. */
export function parseMetricsPlace(text: string): MetricsPlace {
  if (text.startsWith('unix:/')) return { path: text.slice('unix:'.length) };
  const [, host = '', port = ''] = /^(127\.0\.0\.1|localhost|\[::1\]):(\d{1,5})$/.exec(text) ?? [];
  if (host !== '' && Number(port) < 65_536) return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
  throw new UsageError(`bad place for metrics ${JSON.stringify(text)}: give 127.0.0.1:PORT or unix:/PATH`);
}

export const isRoot = (): boolean => process.getuid?.() === 0;

/** The variable of a user's folder. An empty one counts as not set (XDG Base Directory Specification). */
const xdg = (name: string): string | undefined => (process.env[name] === '' ? undefined : process.env[name]);

export const defaultSockets = (): string =>
  isRoot()
    ? '/run/docker/plugins'
    : path.join(xdg('XDG_RUNTIME_DIR') ?? path.join(homedir(), '.local/run'), 'docker/plugins');

export const defaultDocker = (): string =>
  isRoot() ? '/run/docker.sock' : path.join(xdg('XDG_RUNTIME_DIR') ?? '/run', 'docker.sock');

export const defaultData = (): string =>
  isRoot() ? '/var/lib/berth' : path.join(xdg('XDG_DATA_HOME') ?? path.join(homedir(), '.local/share'), 'berth');

/** The operator's own settings, for root too: a person's, not the machine's. */
export const configFolder = (): string => path.join(xdg('XDG_CONFIG_HOME') ?? path.join(homedir(), '.config'), 'berth');

/** The kernel's structure has 108 bytes for a Unix socket's path, including the terminating zero. */
export function refuseLongSocket(socket: string): void {
  if (Buffer.byteLength(socket) > 107) {
    throw new UsageError(`the path of the socket is too long (107 bytes at most): ${socket}; choose a shorter folder`);
  }
}
