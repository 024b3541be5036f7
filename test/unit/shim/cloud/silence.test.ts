import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TransportError } from '../../../../shim/cloud/transport.ts';
import { judgeError } from '../../../../shim/cloud/verdict.ts';
import { parseEndpoint } from '../../../../shim/endpoint.ts';

const endpoint = parseEndpoint('https://functions.example');

describe('an attempt that reaches its time limit', () => {
  it('is open if it was sent, and the error says where to look for the cause', () => {
    assert.deepEqual(judgeError(endpoint, new TransportError('no answer within 11 s', 'TIMEOUT', true)), {
      kind: 'failed',
      reason:
        "Berth's functions at https://functions.example: no answer within 11 s; either they hang or the network " +
        "drops packets, so check their duration and this host's routes",
      isOpen: true,
      remedy: 'repeat',
    });
  });

  it('is not open if there was no connection, and the error asks to check the network', () => {
    assert.deepEqual(judgeError(endpoint, new TransportError('no answer within 11 s', 'TIMEOUT', false)), {
      kind: 'failed',
      reason:
        "Berth's functions at https://functions.example: no answer within 11 s; check this host's network and routes",
      isOpen: false,
      remedy: 'repeat',
    });
  });
});
