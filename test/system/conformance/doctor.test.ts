/** `berth doctor` on a machine without Docker. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { callPlugin, runBerth } from '../../support/berth-process.ts';
import { folders, socket, up, useStage } from '../../support/stage.ts';

useStage();

const doctor = (...args: string[]) => runBerth(['doctor', '--sockets', folders.sockets, ...args]);

describe('berth doctor', () => {
  for (const args of [[], ['--fix']]) {
    it(`reports that Docker is not reachable, and fails (${args.join() || 'without --fix'})`, async () => {
      await up();
      const { code, out, err } = await doctor(...args);
      assert.equal(code, 4);
      assert.match(out, /^host +a\nshim +\d+\.\d+\.\d+, started \d+ s ago\n/);
      assert.match(err, /^berth: not compared: Docker cannot be queried at .*no-docker\.sock: connect ENOENT .*\n$/);
    });
  }

  it('tells programs what it knows of the host, also when it could not compare', async () => {
    await up();
    const { code, out } = await doctor('--json');
    assert.equal(code, 4);
    assert.partialDeepStrictEqual(JSON.parse(out), {
      version: 1,
      host: { endpoint: `unix:${folders.data}/cloud/capabilities.sock`, health: { host: 'a', status: 'ok' } },
      error: { code: 'not-compared' },
    });
  });

  it('gets its answer over the socket while dockerd is still served', async () => {
    await up();
    for (const method of ['Berth.Doctor', 'Berth.Doctor.Fix']) {
      const { status, json } = await callPlugin(socket(), method);
      assert.deepEqual([status, json['findings']], [200, []]);
      assert.match(String(json['failure']), /^Docker cannot be queried at /);
    }
    assert.deepEqual((await callPlugin(socket(), 'Plugin.Activate')).json, { Implements: ['IpamDriver'] });
  });

  it('reports that no shim runs, and fails', async () => {
    const { code, err } = await doctor();
    assert.equal(code, 4);
    assert.match(err, /^berth: no shim answers at .*berth\.sock: connect ENOENT/);
    const { out } = await doctor('--json');
    assert.match(out, /^\{"version":1,"error":\{"code":"unreachable","message":"no shim answers at /);
  });

  it('prints its help', async () => {
    const { code, out } = await doctor('--help');
    assert.equal(code, 0);
    assert.match(out, /--fix +correct the differences/);
    assert.match(out, /exit code 0:\s+they\s+agree, 5:\s+differences are left, 4: no shim answers/);
  });
});
