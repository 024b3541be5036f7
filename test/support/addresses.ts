/** Subnets and addresses from text, as tests write them. */
import assert from 'node:assert/strict';
import { type Address, type Cidr, parseAddress, parseCidr } from '../../protocol/address.ts';

export const cidr = (text: string): Cidr => parseCidr(text) ?? assert.fail(`not a CIDR: ${text}`);
export const ip = (text: string): Address => parseAddress(text) ?? assert.fail(`not an address: ${text}`);
