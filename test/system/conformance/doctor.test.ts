/** `berth doctor` where there is no Docker, as its users meet it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { callPlugin, runBerth } from '../../support/berth-process.ts';
import { folders, socket, up, useStage } from '../../support/stage.ts';

useStage();

const doctor = (...args: string[]) => runBerth(['doctor', '--sockets', folders.sockets, ...args]);

describe('berth doctor', () => {
  for (const args of [[], ['--fix']]) {
    it(`says that Docker cannot be asked, and fails (${args.join() || 'without --fix'})`, async () => {
      await up();
      const { code, out, err } = await doctor(...args);
      assert.deepEqual([code, out], [1, '']);
      assert.match(err, /^berth: Docker cannot be queried at .*no-docker\.sock: connect ENOENT .*\n$/);
    });
  }

  it('is answered over the socket, and dockerd is served all the same', async () => {
    await up();
    for (const method of ['Berth.Doctor', 'Berth.Doctor.Fix']) {
      const { status, json } = await callPlugin(socket(), method);
      assert.deepEqual([status, json['findings']], [200, []]);
      assert.match(String(json['failure']), /^Docker cannot be queried at /);
    }
    assert.deepEqual((await callPlugin(socket(), 'Plugin.Activate')).json, { Implements: ['IpamDriver'] });
  });

  it('says that no shim runs, and fails', async () => {
    const { code, err } = await doctor();
    assert.equal(code, 1);
    assert.match(err, /^berth: no shim answers at .*berth\.sock: connect ENOENT/);
  });

  it('tells of itself', async () => {
    const { code, out } = await doctor('--help');
    assert.equal(code, 0);
    assert.match(out, /--fix +mend what differs/);
    assert.match(out, /exit code 0: they\s+agree, 1: see the text/);
  });
});
