/** A shim that cannot serve says so at its start, where the operator who installs it looks. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startBerth } from '../../support/berth-process.ts';
import { LocalCloud } from '../../support/local-cloud.ts';
import { type Keys, ROLE, introduce, signingWith } from '../../support/principals.ts';

let cloud: LocalCloud;
let keys: Keys<'mallory' | 'web'>;

before(async () => {
  cloud = await LocalCloud.start();
  keys = introduce(cloud, {
    mallory: { userArn: `${ROLE}/i-0bad0bad0bad0bad0` },
    web: { userArn: 'arn:aws:iam::123456789012:user/web' },
  });
});

after(() => cloud.stop());

/** What the shim prints until it is up. */
async function said(endpoint: string, hostId: string, key: keyof typeof keys): Promise<string> {
  const place = ['--data', path.join(cloud.folder, hostId), '--sockets', path.join(cloud.folder, `${hostId}-s`)];
  const docker = ['--docker', `unix://${path.join(cloud.folder, 'no-docker.sock')}`];
  const args = ['shim', '--endpoint', endpoint, '--host-id', hostId, ...place, ...docker];
  const berth = await startBerth(args, signingWith(keys[key]));
  await berth.stop();
  return berth.stdout;
}

const STARTED = /^Berth has started, but serves no networks yet: see the warning\.$/m;

describe('a shim reports that it is ready', () => {
  it('when its host is registered', async () => {
    const text = await said(cloud.endpoint, 'web-1', 'web');
    assert.match(text, /^Berth is ready\.$/m);
    assert.doesNotMatch(text, /warning/);
  });

  it('but not when its registration is refused', async () => {
    const text = await said(cloud.endpoint, 'i-0123456789abcdef0', 'mallory');
    assert.match(text, STARTED);
    assert.match(text, /^ {2}warning {2}i-0123456789abcdef0 is the id of an EC2 instance, but this call is signed by/m);
  });

  it('but not when its endpoint does not answer', async () => {
    const text = await said(`unix:${path.join(cloud.folder, 'nobody.sock')}`, 'web-2', 'web');
    assert.match(text, STARTED);
    assert.match(text, /^ {2}warning {2}\S/m);
  });
});
