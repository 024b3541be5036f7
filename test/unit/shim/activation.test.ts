import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inheritedSockets } from '../../../shim/plugin/socket-activation.ts';

const PID = 42;
const passed = { LISTEN_PID: '42', LISTEN_FDS: '2', LISTEN_FDNAMES: 'berth:berth-ipvlan' };

describe('sockets that the service manager passes', () => {
  it('are identified by their names, from descriptor 3 on', () => {
    const sockets = inheritedSockets(passed, PID);
    assert.deepEqual(Object.fromEntries(sockets), { berth: 3, 'berth-ipvlan': 4 });
  });

  const none: readonly [string, NodeJS.ProcessEnv][] = [
    ['none is passed', {}],
    ['they are for another process', { ...passed, LISTEN_PID: '43' }],
    ['they are for no process', { LISTEN_FDS: '2', LISTEN_FDNAMES: 'berth:berth-ipvlan' }],
    ['their number is zero', { ...passed, LISTEN_FDS: '0' }],
    ['their number is missing', { LISTEN_PID: '42', LISTEN_FDNAMES: 'berth' }],
    ['their number is not a number', { ...passed, LISTEN_FDS: 'two' }],
  ];
  for (const [what, environment] of none) {
    it(`are ignored when ${what}`, () => {
      assert.deepEqual(inheritedSockets(environment, PID), new Map());
    });
  }

  it('are no more than were passed, however many names there are', () => {
    assert.deepEqual([...inheritedSockets({ ...passed, LISTEN_FDS: '1' }, PID)], [['berth', 3]]);
  });

  it('belong to no driver when they have no names', () => {
    const sockets = inheritedSockets({ LISTEN_PID: '42', LISTEN_FDS: '1' }, PID);
    assert.equal(sockets.get('berth'), undefined);
  });
});
