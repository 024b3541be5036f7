import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import path from 'node:path';
import { type TestContext, describe, it } from 'node:test';
import {
  defaultData,
  defaultSockets,
  parseDrivers,
  parseMetricsPlace,
  refuseLongSocket,
} from '../../../shim/settings.ts';
import { UsageError } from '../../../shim/user-error.ts';
import { temporaryFolder } from './temporary.ts';

/** Lets a test run as another user and with other variables. */
function pretend(t: TestContext, uid: number, variables: Readonly<Record<string, string>>): void {
  t.mock.property(process, 'getuid', () => uid);
  const { XDG_RUNTIME_DIR: _runtime, XDG_DATA_HOME: _data, ...others } = process.env;
  t.mock.property(process, 'env', { ...others, ...variables });
}

describe('the path of a socket', () => {
  it('may have 107 bytes, which the kernel accepts', async (t) => {
    const folder = await temporaryFolder(t);
    const socket = path.join(folder, 's'.repeat(107 - Buffer.byteLength(folder) - 1));
    assert.equal(Buffer.byteLength(socket), 107);
    refuseLongSocket(socket);
    const server = createServer().listen(socket);
    await once(server, 'listening');
    server.close();
  });

  it('is refused with 108 bytes, and the error names the path and the remedy', () => {
    const socket = `/${'s'.repeat(107)}`;
    const message = `the path of the socket is too long (107 bytes at most): ${socket}; choose a shorter folder`;
    assert.throws(
      () => {
        refuseLongSocket(socket);
      },
      { constructor: UsageError, message },
    );
  });

  it('is counted in bytes, not in characters', () => {
    refuseLongSocket(`/${'é'.repeat(53)}`);
    assert.throws(() => {
      refuseLongSocket(`/x${'é'.repeat(53)}`);
    }, /too long/);
  });
});

describe('the default folders', () => {
  it("are the system's for root, whatever its environment variables say", (t) => {
    pretend(t, 0, { XDG_RUNTIME_DIR: '/run/user/0', XDG_DATA_HOME: '/root/data' });
    assert.equal(defaultSockets(), '/run/docker/plugins');
    assert.equal(defaultData(), '/var/lib/berth');
  });

  it("are the user's own for any other user", (t) => {
    pretend(t, 1000, { XDG_RUNTIME_DIR: '/run/user/1000', XDG_DATA_HOME: '/home/me/data' });
    assert.equal(defaultSockets(), '/run/user/1000/docker/plugins');
    assert.equal(defaultData(), '/home/me/data/berth');
  });

  it('are below the home of a user without such environment variables', (t) => {
    pretend(t, 1000, {});
    assert.equal(defaultSockets(), path.join(homedir(), '.local/run/docker/plugins'));
    assert.equal(defaultData(), path.join(homedir(), '.local/share/berth'));
  });
});

describe('the drivers to serve', () => {
  for (const [text, drivers] of [
    ['berth', ['berth']],
    ['berth-ipvlan', ['berth-ipvlan']],
    ['berth,berth-ipvlan', ['berth', 'berth-ipvlan']],
    [' berth-ipvlan , berth ', ['berth', 'berth-ipvlan']],
  ] as const) {
    it(`are those that were given: ${text}`, () => {
      assert.deepEqual(parseDrivers(text), drivers);
    });
  }

  for (const text of ['', ',', 'berth,', 'berth,berth', 'berth,macvlan', 'Berth', 'berth berth-ipvlan']) {
    it(`are refused for ${JSON.stringify(text)}`, () => {
      const message = `bad drivers ${JSON.stringify(text)}: give berth,berth-ipvlan, or one of them`;
      assert.throws(() => parseDrivers(text), { constructor: UsageError, message });
    });
  }
});

describe('the address of the metrics', () => {
  const places = [
    ['127.0.0.1:9464', { host: '127.0.0.1', port: 9_464 }],
    ['localhost:1', { host: 'localhost', port: 1 }],
    ['[::1]:65535', { host: '::1', port: 65_535 }],
    ['unix:/run/berth/metrics.sock', { path: '/run/berth/metrics.sock' }],
  ] as const;
  for (const [text, place] of places) {
    it(`may be on this machine: ${text}`, () => {
      assert.deepEqual(parseMetricsPlace(text), place);
    });
  }

  for (const text of ['', '9464', ':9464', '0.0.0.0:9464', '10.0.0.1:9464', '[::]:9464', '127.0.0.1:65536', 'unix:x']) {
    it(`is refused elsewhere: ${JSON.stringify(text)}`, () => {
      const message = `bad place for metrics ${JSON.stringify(text)}: give 127.0.0.1:PORT or unix:/PATH`;
      assert.throws(() => parseMetricsPlace(text), { constructor: UsageError, message });
    });
  }
});
