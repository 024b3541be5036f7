/** Docker's messages, with valid and other values in their fields. */
import fc from 'fast-check';
import { type Fields, anyText, optionsOf, texts } from './arbitraries.ts';
import type { MethodName } from './border.ts';

export const MAC = 'com.docker.network.endpoint.macaddress';
const NAME = 'com.docker.network.endpoint.name';
export const GATEWAY = 'com.docker.network.gateway';

const poolOptions = optionsOf({
  'berth.space': ['fuzz', 'fuzz.2'],
  'berth.size': ['26', '26,80', '32', '128', '1'],
  'berth.order': ['spread', 'serial'],
  'berth.gateway': ['first', 'last', 'none', '10.64.0.9'],
  'berth.reserve': ['10.64.0.5', '10.64.0.5-10.64.0.9,fd00::7', '0.0.0.0-255.255.255.255', '::-ffff::'],
  'berth.exclusive': ['true', 'false'],
  'berth.cooldown': ['2s', '24h', '30000ms', '99999999h'],
  'berth.name': ['ci', 'other'],
});

const addressOptions = optionsOf({
  RequestAddressType: [GATEWAY, 'com.docker.network.other'],
  [MAC]: ['02:42:ac:11:00:02', '02:42:AC:11:00:FF', '02-42-ac-11-00-02'],
  [NAME]: ['web', 'wéb', 'x'.repeat(500)],
});

const anyPool = fc.oneof(
  texts('', '0.0.0.0/26', '::/80', '10.64.0.0/24', '10.64.0.0/20', '10.64.0.4/31', 'fd00::/64', 'fd00::/8'),
  fc
    .tuple(fc.ipV4(), fc.integer({ min: 1, max: 33 }))
    .map(([address, prefix]) => JSON.stringify(`${address}/${prefix}`)),
  anyText.map((text) => JSON.stringify(text)),
);
const anyAddress = fc.oneof(
  texts('', '', '10.1.0.1', '10.1.0.7', '10.1.255.255', '10.2.0.1', 'fd00::1', '::ffff:10.1.0.9'),
  anyText.map((text) => JSON.stringify(text)),
);
/** @param poolId of a live pool: never one that ReleasePool is called with. */
export const fieldsOf = (poolId: () => string): Readonly<Record<MethodName, Fields>> => {
  const ourPool = fc.constant(null).map(() => JSON.stringify(poolId()));
  return {
    RequestPool: {
      AddressSpace: texts('default', 'fuzz'),
      Pool: anyPool,
      SubPool: fc.oneof({ weight: 4, arbitrary: fc.constant('""') }, anyPool),
      Options: poolOptions,
      V6: fc.constantFrom('true', 'false'),
    },
    ReleasePool: {
      PoolID: fc.oneof(
        texts('default/10.1.0.0/16', 'berth1'),
        anyText.map((text) => JSON.stringify(text)),
      ),
    },
    RequestAddress: { PoolID: ourPool, Address: anyAddress, Options: addressOptions },
    ReleaseAddress: { PoolID: ourPool, Address: anyAddress },
  };
};
