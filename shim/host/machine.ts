/**
 * What distinguishes this machine from a copy of it; each registration contains it. The sandbox of the shipped unit and
 * the managed plugin can read all of it. Where nothing can be read, `--machine` names the machine.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { RegisterMessage } from '../../protocol/host-messages.ts';

export type MachinePrint = NonNullable<RegisterMessage['Machine']>;

/** The kernel's view of the hardware (sysfs(5)). */
const SYS = '/sys';
/** A machine may have more; these are enough. */
const MAX_MACS = 8;
/** The bit of a locally administered MAC address (RFC 9542): its maker did not assign it, and many machines may have it. */
const LOCALLY_ADMINISTERED = 0x02;

/**
 * @param given the value of `--machine`.
 * @param instance the id of the EC2 instance, where this is one.
 */
export function machinePrint(given: string | undefined, instance: string | undefined, sys = SYS): MachinePrint {
  const product = productOf(sys);
  const macs = macsOf(sys);
  return {
    ...(given !== undefined && { Given: hash('given', given) }),
    ...(instance !== undefined && { Instance: hash('instance', instance) }),
    ...(product !== undefined && { Product: hash('product', product) }),
    ...(macs.length > 0 && { Macs: macs.map((mac) => hash('mac', mac)) }),
  };
}

export const isNameless = (print: MachinePrint): boolean => Object.keys(print).length === 0;

const hash = (kind: string, value: string): string =>
  createHash('sha256').update(`berth machine ${kind} ${value}`).digest('hex').slice(0, 32);

/** UUIDs that some makers put into all of their machines. */
const PLACEHOLDER = /^(03000200-0400-0500-0006-000700080009|(.)\2{7}-.*|.*-(.)\3{11})$/i;

/** The firmware's UUID of the machine. Only root may read it. */
function productOf(sys: string): string | undefined {
  const uuid = read(path.join(sys, 'class/dmi/id/product_uuid'))?.toLowerCase();
  return uuid !== undefined && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid) && !PLACEHOLDER.test(uuid)
    ? uuid
    : undefined;
}

/**
 * As MAC_ADDRESS of protocol/ids.ts. This file imports no other of ours: a test of the unit's sandbox loads it alone
 * (test/system/infra/systemd.test.ts).
 */
const MAC_ADDRESS = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

/** The MAC addresses that makers assigned to the network cards. An interface without a device is not a card. */
function macsOf(sys: string): string[] {
  const folder = path.join(sys, 'class/net');
  const macs = list(folder)
    .filter((name) => list(path.join(folder, name, 'device')).length > 0)
    .map((name) => read(path.join(folder, name, 'address'))?.toLowerCase() ?? '')
    .filter((mac) => MAC_ADDRESS.test(mac) && mac !== '00:00:00:00:00:00')
    .filter((mac) => (parseInt(mac.slice(0, 2), 16) & LOCALLY_ADMINISTERED) === 0);
  return [...new Set(macs)].toSorted().slice(0, MAX_MACS);
}

/** `undefined`: the file cannot be read. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
