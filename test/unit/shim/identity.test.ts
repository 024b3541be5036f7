import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import * as v from 'valibot';
import { callHeaders } from '../../../protocol/headers.ts';
import { hostIdentity } from '../../../shim/host/identity.ts';
import { UsageError, UserError } from '../../../shim/user-error.ts';
import { temporaryFile, temporaryFolder } from './temporary.ts';

const MACHINE_ID = '0123456789abcdef0123456789abcdef';

/** The functions refuse an invalid host id on every call. */
const isTakenByFunctions = (id: string): boolean => v.is(callHeaders.entries['berth-host'], id);

const refuses = (run: () => unknown, message: string, kind: typeof UserError = UserError): void => {
  assert.throws(run, { constructor: kind, message });
};

describe('the identity of a host', () => {
  for (const id of ['web-1', 'i-0123456789abcdef0', 'a', '9', 'Host_1.example:b', 'x'.repeat(128)]) {
    it(`is the one that was given, and is stored: ${id.slice(0, 30)}`, async (t) => {
      const folder = await temporaryFolder(t);
      assert.equal(hostIdentity(folder, id), id);
      assert.equal(hostIdentity(folder, undefined), id);
      assert.equal(hostIdentity(folder, id), id);
      assert.ok(isTakenByFunctions(id));
    });
  }

  for (const id of ['', '-web', '.web', ':web', 'a b', 'a/b', 'a,b', 'web\n', 'wéb', 'a#b', 'x'.repeat(129)]) {
    it(`is refused when it was given as ${JSON.stringify(id.slice(0, 30))}, and nothing is stored`, async (t) => {
      const folder = await temporaryFolder(t);
      const why = `bad host id ${JSON.stringify(id)}: letters, digits and . _ : - only, at most 128`;
      refuses(() => hostIdentity(folder, id), why, UsageError);
      assert.equal(existsSync(path.join(folder, 'host-id')), false);
      assert.ok(!isTakenByFunctions(id));
    });
  }

  it('cannot be changed in a data folder that has one', async (t) => {
    const folder = await temporaryFolder(t);
    hostIdentity(folder, 'web-1');
    const why = `the data in ${folder} belong to host web-1, not to web-2: leave out --host-id, or choose another --data`;
    refuses(() => hostIdentity(folder, 'web-2'), why);
    assert.equal(hostIdentity(folder, undefined), 'web-1');
  });

  it('is refused as invalid before it is compared with the stored one', async (t) => {
    const folder = await temporaryFolder(t);
    hostIdentity(folder, 'web-1');
    const why = 'bad host id "a b": letters, digits and . _ : - only, at most 128';
    refuses(() => hostIdentity(folder, 'a b'), why, UsageError);
  });

  it('is stored in a file for its owner alone', async (t) => {
    const folder = await temporaryFolder(t);
    hostIdentity(folder, 'web-1');
    const file = path.join(folder, 'host-id');
    assert.equal(readFileSync(file, 'utf8'), 'web-1\n');
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  for (const text of ['', '\n', 'a b\n', 'web-1\nweb-2\n']) {
    it(`is refused when the file that stores it is damaged: ${JSON.stringify(text)}`, async (t) => {
      const folder = await temporaryFolder(t, { 'host-id': text });
      const file = path.join(folder, 'host-id');
      for (const given of [undefined, 'web-1']) {
        refuses(
          () => hostIdentity(folder, given),
          `${file} is damaged: ${JSON.stringify(text.trim())} is not a host id`,
        );
      }
    });
  }

  it('is read from a file without a line feed', async (t) => {
    const folder = await temporaryFolder(t, { 'host-id': 'web-1' });
    assert.equal(hostIdentity(folder, 'web-1'), 'web-1');
  });
});

describe('the identity of a host without a given id', () => {
  it('is derived from the id of the machine, in whatever folder, and does not reveal it', async (t) => {
    const machine = await temporaryFile(t, `${MACHINE_ID}\n`);
    const id = hostIdentity(await temporaryFolder(t), undefined, machine);
    assert.equal(hostIdentity(await temporaryFolder(t), undefined, machine), id);
    assert.match(id, /^[0-9a-f]{16}$/);
    assert.ok(!MACHINE_ID.includes(id));
    assert.ok(isTakenByFunctions(id));
  });

  it('is the same as an earlier version derived', async (t) => {
    const machine = await temporaryFile(t, MACHINE_ID);
    // printf 'berth 0123456789abcdef0123456789abcdef' | sha256sum | head -c 16
    assert.equal(hostIdentity(await temporaryFolder(t), undefined, machine), 'd8c226687720a12d');
  });

  it('differs between machines', async (t) => {
    const machines = [await temporaryFile(t, MACHINE_ID), await temporaryFile(t, MACHINE_ID.replace('0', '1'))];
    const folders = [await temporaryFolder(t), await temporaryFolder(t)];
    const ids = machines.map((machine, i) => hostIdentity(folders[i] ?? '', undefined, machine));
    assert.notEqual(ids[0], ids[1]);
  });

  it('stays when the machine gets another id or loses its id', async (t) => {
    const folder = await temporaryFolder(t);
    const machine = await temporaryFile(t, MACHINE_ID);
    const id = hostIdentity(folder, undefined, machine);
    writeFileSync(machine, 'f'.repeat(32));
    assert.equal(hostIdentity(folder, undefined, machine), id);
    rmSync(machine);
    assert.equal(hostIdentity(folder, undefined, machine), id);
  });

  it('may be given explicitly later on, but no other may', async (t) => {
    const folder = await temporaryFolder(t);
    const id = hostIdentity(folder, undefined, await temporaryFile(t, MACHINE_ID));
    assert.equal(hostIdentity(folder, id), id);
    assert.throws(() => hostIdentity(folder, 'web-1'), UserError);
  });

  it('must be given on a machine without an id', async (t) => {
    const folder = await temporaryFolder(t);
    for (const machine of [path.join(folder, 'none'), await temporaryFile(t, ''), await temporaryFile(t, ' \n')]) {
      const why = `this machine has no id (${machine}); name the host with --host-id`;
      refuses(() => hostIdentity(folder, undefined, machine), why);
      assert.equal(existsSync(path.join(folder, 'host-id')), false);
    }
  });
});

describe('the identity of an EC2 instance', () => {
  const [ONE, OTHER] = ['i-0123456789abcdef0', 'i-0fedcba9876543210'];
  const nothing = '/nonexistent/machine-id';

  it('is its instance id, which is stored, unless another is given', async (t) => {
    const folder = await temporaryFolder(t);
    assert.equal(hostIdentity(folder, undefined, nothing, ONE), ONE);
    assert.equal(hostIdentity(folder, undefined, nothing, ONE), ONE);
    assert.equal(hostIdentity(folder, undefined, nothing), ONE, 'also where its metadata service does not answer');
    assert.equal(hostIdentity(await temporaryFolder(t), 'web-1', nothing, ONE), 'web-1');
  });

  it('is refused with the data of another instance, which are left unchanged', async (t) => {
    const folder = await temporaryFolder(t);
    hostIdentity(folder, undefined, nothing, ONE);
    const why =
      `the data in ${folder} belong to instance ${ONE}, and this is ${OTHER}. If this instance was made from an image of ` +
      'the other one, remove that folder, so that this host starts empty, and leave the folder out of images. If this ' +
      `instance replaces the other one, run berth host adopt ${ONE} --principal ARN, and start Berth here once with ` +
      `--host-id ${ONE}`;
    refuses(() => hostIdentity(folder, undefined, nothing, OTHER), why);
    assert.throws(() => hostIdentity(folder, OTHER, nothing, OTHER), UserError);
    assert.equal(hostIdentity(folder, undefined, nothing, ONE), ONE);
  });

  it("is another instance's once that was given, with its data or without, until the disk is copied again", async (t) => {
    const third = 'i-00000000000000003';
    for (const keeps of [true, false]) {
      const folder = await temporaryFolder(t);
      if (keeps) hostIdentity(folder, undefined, nothing, ONE);
      assert.equal(hostIdentity(folder, ONE, nothing, OTHER), ONE);
      assert.equal(hostIdentity(folder, undefined, nothing, OTHER), ONE);
      assert.throws(() => hostIdentity(folder, undefined, nothing, third), /belong to instance .* adopt i-0123456789/);
      assert.equal(hostIdentity(folder, ONE, nothing, third), ONE);
      assert.equal(hostIdentity(folder, undefined, nothing, third), ONE);
    }
  });

  it('stays the same for a host that had another before', async (t) => {
    for (const id of ['web-1', 'd8c226687720a12d', 'i-am-a-name']) {
      const folder = await temporaryFolder(t);
      hostIdentity(folder, id);
      assert.equal(hostIdentity(folder, undefined, nothing, OTHER), id);
    }
  });
});
