/** Where things are by default: the system's places for root, the user's own (XDG) otherwise. */
import { homedir } from 'node:os';
import path from 'node:path';
import { DRIVERS, type Driver } from '../protocol/methods.ts';
import { UserError } from './user-error.ts';

export interface Settings {
  /** Where the plugin's sockets go. Docker looks for plugins in /run/docker/plugins. */
  readonly sockets: string;
  /** Identity, sequence, handshake; with `berth up` the table too. */
  readonly data: string;
  readonly space: string;
  readonly hostId: string | undefined;
  /** What this machine is called that is to be told from copies of it; else its hardware tells. */
  readonly machine: string | undefined;
  /** At least one. */
  readonly drivers: readonly [Driver, ...Driver[]];
  /** AWS region of endpoints whose name does not tell it. */
  readonly region: string | undefined;
  /** ms within which a call of dockerd is answered. */
  readonly budget: number;
  /** ms after which no attempt of a call that was given up can land any more. */
  readonly inFlightBound: number;
  /** Where Prometheus may ask: a port of loopback, or a socket. */
  readonly metrics: MetricsPlace | undefined;
  readonly reconcile: ReconcileSettings;
}

/** How what Docker has is compared with what the table says. */
export interface ReconcileSettings {
  /** Docker's socket on this host. */
  readonly docker: string;
  readonly mode: ReconcileMode;
  /** ms between two rounds. */
  readonly every: number;
  /** ms after which what was seen twice is believed. */
  readonly secondLook: number;
}

export const RECONCILE_MODES = ['fix', 'report', 'off'] as const;
export type ReconcileMode = (typeof RECONCILE_MODES)[number];

/** @throws UserError: Docker of another machine says nothing of this one. */
export function parseDockerSocket(text: string): string {
  const socket = text.replace(/^unix:\/\//, '');
  if (path.isAbsolute(socket)) return socket;
  throw new UserError(`bad Docker socket ${JSON.stringify(text)}: give unix:///PATH`);
}

/** @throws UserError unless it names drivers, each once. */
export function parseDrivers(text: string): [Driver, ...Driver[]] {
  const named = text.split(',').map((name) => name.trim());
  const [first, ...rest] = DRIVERS.filter((driver) => named.includes(driver));
  if (first !== undefined && rest.length + 1 === named.length) return [first, ...rest];
  throw new UserError(`bad drivers ${JSON.stringify(text)}: give ${DRIVERS.join(',')}, or one of them`);
}

export type MetricsPlace = { readonly host: string; readonly port: number } | { readonly path: string };

/** @throws UserError: metrics tell who uses which addresses, and are for this machine alone. */
export function parseMetricsPlace(text: string): MetricsPlace {
  if (text.startsWith('unix:/')) return { path: text.slice('unix:'.length) };
  const [, host = '', port = ''] = /^(127\.0\.0\.1|localhost|\[::1\]):(\d{1,5})$/.exec(text) ?? [];
  if (host !== '' && Number(port) < 65_536) return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
  throw new UserError(`bad place for metrics ${JSON.stringify(text)}: give 127.0.0.1:PORT or unix:/PATH`);
}

export const isRoot = (): boolean => process.getuid?.() === 0;

/** A folder of the user's, where it is set: an empty variable is as good as none (XDG Base Directory Specification). */
const xdg = (name: string): string | undefined => (process.env[name] === '' ? undefined : process.env[name]);

export const defaultSockets = (): string =>
  isRoot()
    ? '/run/docker/plugins'
    : path.join(xdg('XDG_RUNTIME_DIR') ?? path.join(homedir(), '.local/run'), 'docker/plugins');

export const defaultDocker = (): string =>
  isRoot() ? '/run/docker.sock' : path.join(xdg('XDG_RUNTIME_DIR') ?? '/run', 'docker.sock');

export const defaultData = (): string =>
  isRoot() ? '/var/lib/berth' : path.join(xdg('XDG_DATA_HOME') ?? path.join(homedir(), '.local/share'), 'berth');

/** A Unix socket's path fits into 108 bytes of the kernel's structure, the terminating zero included. */
export function refuseLongSocket(socket: string): void {
  if (Buffer.byteLength(socket) > 107) {
    throw new UserError(`the path of the socket is too long (107 bytes at most): ${socket}; choose a shorter folder`);
  }
}
