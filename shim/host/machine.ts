/**
 * What tells this machine from a copy of it, told with each registration. All of it can be read inside the sandbox of the
 * shipped unit and in the managed plugin; where nothing can, `--machine` names the machine.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** As functions/lambda/messages.ts has it: hashes, since serial numbers are nobody else's business. */
export interface MachinePrint {
  readonly Given?: string;
  readonly Instance?: string;
  readonly Product?: string;
  readonly Macs?: readonly string[];
}

/** The kernel's view of the hardware (sysfs(5)). */
const SYS = '/sys';
/** Of a machine that has more, the first few will do. */
const MAX_MACS = 8;
/** In RFC 9542's words, a MAC address that its maker did not assign: many machines have the same. */
const LOCALLY_ADMINISTERED = 0x02;

/**
 * @param given by the option `--machine`.
 * @param instance the EC2 instance, where it is one.
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

/** What some makers leave in all of their machines. */
const PLACEHOLDER = /^(03000200-0400-0500-0006-000700080009|(.)\2{7}-.*|.*-(.)\3{11})$/i;

/** The firmware's UUID of the machine, which root may read. */
function productOf(sys: string): string | undefined {
  const uuid = read(path.join(sys, 'class/dmi/id/product_uuid'))?.toLowerCase();
  return uuid !== undefined && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid) && !PLACEHOLDER.test(uuid)
    ? uuid
    : undefined;
}

/** The addresses that the makers of its network cards gave them. What is no card has no device. */
function macsOf(sys: string): string[] {
  const folder = path.join(sys, 'class/net');
  const macs = list(folder)
    .filter((name) => list(path.join(folder, name, 'device')).length > 0)
    .map((name) => read(path.join(folder, name, 'address'))?.toLowerCase() ?? '')
    .filter((mac) => /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac) && mac !== '00:00:00:00:00:00')
    .filter((mac) => (parseInt(mac.slice(0, 2), 16) & LOCALLY_ADMINISTERED) === 0);
  return [...new Set(macs)].toSorted().slice(0, MAX_MACS);
}

/** What cannot be read, this machine does not tell. */
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
