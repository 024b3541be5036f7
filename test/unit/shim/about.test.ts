import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Method } from '../../../protocol/methods.ts';
import { isAutomatic, isNamed, summaryOf } from '../../../shim/call-summary.ts';
import { callOf } from './stand-ins.ts';

const about = (method: Method, message: object) => summaryOf(callOf(method, message));

describe('the subject of a call', () => {
  it('is its pool and its address, or the subnet of a new pool', () => {
    assert.partialDeepStrictEqual(about('ReleaseAddress', { PoolID: 'p', Address: 'a' }), {
      poolId: 'p',
      address: 'a',
    });
    assert.partialDeepStrictEqual(about('RequestPool', { Pool: '10.0.0.0/24' }), {
      poolId: '',
      address: '10.0.0.0/24',
    });
    assert.partialDeepStrictEqual(about('ReleasePool', { PoolID: 'p' }), { poolId: 'p', address: '' });
  });

  for (const body of ['', 'null', '[]', '7', '{"PoolID":7,"Address":null}']) {
    it(`is missing where the body is not a message: ${body}`, () => {
      const call = { method: 'ReleaseAddress', key: 'k', body } as const;
      assert.deepEqual(summaryOf(call), { method: 'ReleaseAddress', request: 'k', poolId: '', address: '' });
    });
  }
});

describe('a pool', () => {
  for (const pool of ['', '0.0.0.0/26', '/26', '::/64', '0:0::/64']) {
    it(`is automatic, and not given, when it is requested as ${JSON.stringify(pool)}`, () => {
      const call = about('RequestPool', { Pool: pool });
      assert.deepEqual([isAutomatic(call), isNamed(call)], [true, false]);
    });
  }

  for (const pool of ['10.0.0.0/24', 'fd00::/64', '0.0.0.1/26']) {
    it(`is given when it is requested as ${pool}`, () => {
      const call = about('RequestPool', { Pool: pool });
      assert.deepEqual([isAutomatic(call), isNamed(call)], [false, true]);
    });
  }
});

describe('an address', () => {
  it('is either given or any, and never an automatic pool; a release requests nothing', () => {
    const [named, any] = [about('RequestAddress', { Address: '10.0.0.2' }), about('RequestAddress', { Address: '' })];
    assert.deepEqual([isNamed(named), isNamed(any), isAutomatic(any)], [true, false, false]);
    assert.equal(isNamed(about('ReleaseAddress', { PoolID: 'p', Address: '10.0.0.2' })), false);
  });
});
