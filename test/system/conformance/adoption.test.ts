/** `berth host adopt` and `berth host resume`, as a host's shim, its successor and the operator see them. */
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Host } from '../../../functions/ipam/host.ts';
import { type Berth } from '../../support/berth-process.ts';
import { Shims } from '../../support/shims.ts';
import { LocalCloud } from '../../support/local-cloud.ts';
import { type Keys, ROLE, environmentOf, introduce, signingWith } from '../../support/principals.ts';
import { eventually, requestAddress, requestPool, granted } from '../../support/stage.ts';

const [OLD, NEW] = ['i-0123456789abcdef0', 'i-0fedcba9876543210'];
const SWEEP_EVERY = 50;

let cloud: LocalCloud;
let keys: Keys<'old' | 'new' | 'drained' | 'operator'>;
let shims: Shims;

before(async () => {
  cloud = await LocalCloud.start({ sweepEvery: SWEEP_EVERY });
  shims = new Shims(cloud);
  keys = introduce(cloud, {
    old: { userArn: `${ROLE}/${OLD}` },
    new: { userArn: `${ROLE}/${NEW}` },
    drained: { userArn: `${ROLE}/shared` },
    operator: { userArn: 'arn:aws:iam::123456789012:user/ops' },
  });
  Object.assign(process.env, environmentOf(keys.operator));
});

afterEach(() => shims.stop());

after(() => cloud.stop());

const shim = (machine: keyof typeof keys, ...more: readonly string[]): Promise<Berth> =>
  shims.start(machine, more, signingWith(keys[machine]));

const stateOf = async (id: string): Promise<string | undefined> => (await cloud.store.readHost(id))?.state;

const hostIs = (id: string, state: string): Promise<void> => eventually(async () => (await stateOf(id)) === state);

/** Writes the state to the table, so that no time needs to pass. */
const change = (id: string, part: Partial<Host>): Promise<void> =>
  eventually(async () => {
    const seen = await cloud.store.readHost(id);
    return seen !== undefined && (await cloud.store.writeHost({ ...seen, ...part }, seen)) !== undefined;
  });

describe('berth host adopt', () => {
  it('makes another instance, to which the disk was moved, the host: its networks work only there', async () => {
    const berth = await shim('old', '--host-id', OLD);
    const { PoolID: net } = await requestPool('10.1.0.0/24', shims.socketOf('old'));
    assert.equal(await requestAddress(net, '10.1.0.9', shims.socketOf('old')), '10.1.0.9/24');
    const named = ['--principal', `${ROLE}/${NEW}`];
    const early = await shims.operator('adopt', OLD, ...named);
    assert.equal(early.code, 3);
    assert.match(
      early.err,
      /^berth: host i-0123456789abcdef0 is live, and was last seen at .* berth host dead i-01234/,
    );
    await berth.stop();
    await change(OLD, { leaseUntil: 0 });
    await hostIs(OLD, 'fenced');

    cpSync(shims.dataOf('old'), shims.dataOf('new'), { recursive: true });
    const heir = await shim('new', '--host-id', OLD);
    await eventually(() => Promise.resolve(heir.log().includes('is bound to')));
    await heir.stop();
    const { code, out } = await shims.operator('adopt', OLD, ...named);
    assert.equal(code, 0);
    assert.match(
      out,
      /^host i-0123456789abcdef0 waits for the machine that you named; start berth shim there with --host-id i-0/,
    );
    // As if that had been long ago: no function treats a former machine as the host any more.
    await change(OLD, { fencedAt: 1 });

    await shim('new', '--host-id', OLD);
    await hostIs(OLD, 'live');
    await granted(() => requestAddress(net, '10.1.0.10', shims.socketOf('new')), '10.1.0.10/24');
    assert.match(
      String(await requestAddress(net, '10.1.0.9', shims.socketOf('new'))),
      /already in use.* of host i-01234/i,
    );
    assert.equal((await requestPool('10.2.0.0/24', shims.socketOf('new')))['Error'], undefined);

    const back = await shim('old');
    await eventually(() => Promise.resolve(back.log().includes('is bound to')));
    assert.match(
      String(await requestAddress(net, '10.1.0.11', shims.socketOf('old'))),
      /is bound to .*i-0fedcba9876543210/,
    );
  });

  it('refuses a host that never registered', async () => {
    const { code, err } = await shims.operator('adopt', 'nobody-1', '--principal', `${ROLE}/${NEW}`);
    assert.deepEqual([code, err], [3, 'berth: no host nobody-1 has ever registered; nothing was changed\n']);
  });
});

describe('berth host resume', () => {
  it('gives a draining host networks and addresses again, without a restart of its shim', async () => {
    await shim('drained', '--host-id', 'drained-1');
    const { PoolID: net } = await requestPool('10.4.0.0/24', shims.socketOf('drained'));
    const drain = await shims.operator('drain', 'drained-1', '--json');
    const told = '{"version":1,"host":{"id":"drained-1","declared":"draining"}}\n';
    assert.deepEqual([drain.code, drain.out], [0, told]);
    assert.match(String(await requestAddress(net, '', shims.socketOf('drained'))), /^host drained-1 is draining/);
    for (let i = 0; i < 2; i++) {
      const { code, out } = await shims.operator('resume', 'drained-1');
      assert.deepEqual([code, out], [0, 'host drained-1 is no longer drained: it gets networks and addresses again\n']);
    }
    assert.equal(await requestAddress(net, '10.4.0.9', shims.socketOf('drained')), '10.4.0.9/24');
    assert.equal((await requestPool('10.5.0.0/24', shims.socketOf('drained')))['Error'], undefined);
  });

  it('does not bring back a dead host', async () => {
    await shim('drained', '--host-id', 'drained-1');
    await shims.operator('dead', 'drained-1', '--override-lease', '--yes');
    await shims.running.pop()?.stop();
    await change('drained-1', { state: 'dead' });
    const { code, err } = await shims.operator('resume', 'drained-1');
    assert.equal(code, 3);
    assert.match(err, /^berth: host drained-1 is dead, not draining/);
  });
});
