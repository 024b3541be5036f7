import assert from 'node:assert/strict';
import path from 'node:path';
import { type TestContext, describe, it } from 'node:test';
import { type Diagnosis, askDoctor, isLeft, tellDiagnosis } from '../../../shim/commands/doctor.ts';
import { UserError } from '../../../shim/user-error.ts';
import { UnixListener } from '../../support/unix-listener.ts';
import { temporaryFolder } from './temporary.ts';

const MENDED = { kind: 'leaked-lease', text: '10.1.0.2 is leased for nothing', done: 'mended' };
const YOURS = { kind: 'conflict', text: 'web has 10.1.0.3', done: 'not for Berth to mend' };

/** A stand-in for a shim that always gives the same answer. @returns its socket, and the requests it received. */
async function shim(t: TestContext, body: string): Promise<{ readonly socket: string; readonly asked: string[] }> {
  const socket = path.join(await temporaryFolder(t), 'berth.sock');
  const asked: string[] = [];
  const listener = await UnixListener.open(socket, ({ method = '', url = '' }, response) => {
    asked.push(`${method} ${url}`);
    response.end(body);
  });
  t.after(() => listener.close());
  return { socket, asked };
}

const refused = (operation: Promise<unknown>, words: RegExp): Promise<void> =>
  assert.rejects(operation, (error) => error instanceof UserError && words.test(error.message));

describe('a client that asks a shim where Docker and the table differ', () => {
  it('receives the differences, and can have them mended', async (t) => {
    const diagnosis: Diagnosis = { findings: [MENDED, YOURS] };
    const { socket, asked } = await shim(t, JSON.stringify(diagnosis));
    assert.deepEqual(await askDoctor(socket, false), diagnosis);
    assert.deepEqual(await askDoctor(socket, true), diagnosis);
    assert.deepEqual(asked, ['POST /Berth.Doctor', 'POST /Berth.Doctor.Fix']);
  });

  it('receives the reason why the two could not be compared', async (t) => {
    const { socket } = await shim(t, JSON.stringify({ failure: 'dockerd ended meanwhile', findings: [] }));
    await refused(askDoctor(socket, false), /^not compared: dockerd ended meanwhile$/);
  });

  it('gets an error when the shim is of another version, or no shim answers', async (t) => {
    for (const body of ['{"Err":"no such method"}', '<html>', '']) {
      const { socket } = await shim(t, body);
      await refused(askDoctor(socket, false), /^the shim at .*berth\.sock is of another version: /);
    }
    const nowhere = path.join(await temporaryFolder(t), 'berth.sock');
    await refused(askDoctor(nowhere, false), /^no shim answers at .*berth\.sock: connect ENOENT/);
  });

  it('gets the differences as text, and whether something is left to do', () => {
    assert.equal(tellDiagnosis({ findings: [] }), 'Docker and the table agree.');
    assert.equal(
      tellDiagnosis({ findings: [MENDED, YOURS] }),
      'leaked-lease: 10.1.0.2 is leased for nothing\n  mended\nconflict: web has 10.1.0.3\n  not for Berth to mend',
    );
    assert.deepEqual(
      [[], [MENDED], [MENDED, YOURS]].map((findings) => isLeft({ findings })),
      [false, false, true],
    );
  });
});
