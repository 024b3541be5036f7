import assert from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { describe, it } from 'node:test';
import { hostAddresses } from '../../../shim/host/addresses.ts';

const at = (address: string, internal = false): NetworkInterfaceInfo => ({
  address,
  internal,
  netmask: '255.255.255.0',
  family: 'IPv4',
  mac: '02:00:00:00:00:01',
  cidr: `${address}/24`,
});

describe("a host's own addresses", () => {
  it("are those of every interface, the machine's own before those of Docker's bridges", () => {
    const interfaces = {
      lo: [at('127.0.0.1', true), at('::1', true)],
      'br-0123456789ab': [at('10.1.0.1')],
      docker0: [at('172.17.0.1')],
      eth0: [at('192.168.0.7'), at('fe80::1'), at('2001:db8::7')],
      bond0: [at('169.254.3.4'), at('192.168.0.8'), at('192.168.0.7')],
    };
    assert.deepEqual(hostAddresses(interfaces), [
      '192.168.0.7',
      '2001:db8::7',
      '192.168.0.8',
      '10.1.0.1',
      '172.17.0.1',
    ]);
  });

  it('are reported within two thousand bytes', () => {
    const many = Array.from({ length: 500 }, (_, i) => at(`10.0.${i >> 8}.${i & 255}`));
    const told = hostAddresses({ eth0: many });
    assert.ok(told.join(',').length <= 2_000 && told.length > 150, String(told.length));
    assert.equal(told[0], '10.0.0.0');
  });

  it('can be read on this machine', () => {
    assert.ok(Array.isArray(hostAddresses()));
  });
});
