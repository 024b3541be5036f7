/** A host that waits for another machine: a stranger that learns of it must not become the host. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Host } from '../../../functions/ipam/host.ts';
import { type Berth } from '../../support/berth-process.ts';
import { Shims, declare, wordsOf } from '../../support/shims.ts';
import { LocalCloud } from '../../support/local-cloud.ts';
import { type Keys, ROLE, environmentOf, introduce, signingWith } from '../../support/principals.ts';
import { eventually, requestAddress, requestPool } from '../../support/stage.ts';

const [OLD, NEW, MALLORY] = ['i-0123456789abcdef0', 'i-0fedcba9876543210', 'i-0bad0bad0bad0bad0'];

let cloud: LocalCloud;
let keys: Keys<'old' | 'new' | 'mallory' | 'operator'>;
let shims: Shims;
const shim = (machine: keyof typeof keys): Promise<Berth> =>
  shims.start(machine, ['--host-id', OLD], signingWith(keys[machine]));

const item = async (): Promise<Host> => (await cloud.store.readHost(OLD)) ?? assert.fail('no such host');
const change = async (part: Partial<Host>): Promise<void> => {
  await eventually(async () => {
    const seen = await item();
    return (await cloud.store.writeHost({ ...seen, ...part }, seen)) !== undefined;
  });
};

const adopts = async (message: object): Promise<string> => {
  const body = { Host: OLD, State: 'adopted', Key: randomBytes(12).toString('hex'), ...message };
  return wordsOf(await declare(path.join(cloud.folder, 'cloud'), body));
};

before(async () => {
  cloud = await LocalCloud.start({ sweepEvery: 50 });
  shims = new Shims(cloud);
  keys = introduce(cloud, {
    old: { userArn: `${ROLE}/${OLD}` },
    new: { userArn: `${ROLE}/${NEW}` },
    mallory: { userArn: `${ROLE}/${MALLORY}` },
    operator: { userArn: 'arn:aws:iam::123456789012:user/ops' },
  });
  Object.assign(process.env, environmentOf(keys.operator));
  const berth = await shim('old');
  const { PoolID: net } = await requestPool('10.1.0.0/24', shims.socketOf('old'));
  assert.equal(await requestAddress(net, '10.1.0.9', shims.socketOf('old')), '10.1.0.9/24');
  await berth.stop();
  await change({ leaseUntil: 0 });
  await eventually(async () => (await item()).state === 'fenced');
});

after(async () => {
  await shims.stop();
  await cloud.stop();
});

describe('a host that an operator lets another machine adopt', () => {
  it('is not released by an earlier version of berth: the refusal says what to do', async () => {
    const before = await item();
    assert.match(
      await adopts({}),
      /^no principal is given for host i-0123456789abcdef0; use berth host adopt i-.* --principal ARN/,
    );
    const { principal, isAdopted } = await item();
    assert.deepEqual([principal, isAdopted], [before.principal, false]);
  });

  it('becomes the machine that the operator named, although another instance of the role registers first', async () => {
    assert.equal(await adopts({ Principal: `${ROLE}/${NEW}` }), '{"Outcome":"done"}');
    // As if that had been long ago: no function treats the old machine as the host any more.
    await change({ fencedAt: 1 });
    const stranger = await shim('mallory');
    await eventually(async () => stranger.log().includes('is bound to') || (await item()).state === 'live');
    assert.match(stranger.log(), /is bound to .*i-0fedcba9876543210, but this call is signed by .*i-0bad0bad0bad0bad0/);
    await stranger.stop();
    await shim('new');
    await eventually(async () => (await item()).state === 'live');
    assert.equal((await item()).principal, `${ROLE}/${NEW}`);
  });

  it('needs a principal on the command line', async () => {
    const { code, err } = await shims.operator('adopt', OLD);
    assert.deepEqual([code, err.includes("required option '--principal <arn>' not specified")], [2, true]);
  });
});
