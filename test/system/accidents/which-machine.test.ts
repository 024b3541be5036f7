/**
 * Machines that claim to be the same host, and engines that share a plugin: none frees what another uses. Real shims
 * and functions run on simulated Docker APIs, which have the contents that a test gives them.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { sweep } from '../../../functions/ipam/sweep/sweep.ts';
import { realWorld } from '../../../functions/lambda/world.ts';
import { runBerth } from '../../support/berth-process.ts';
import { limit } from '../../support/deadlines.ts';
import { LocalCloud } from '../../support/local-cloud.ts';
import { eventually } from '../../support/stage.ts';
import { withoutFailures } from '../../support/whole-sweep.ts';
import { heldInTable } from '../engine/support/holdings.ts';
import { endLease, untilFenced } from '../fleet/support/silence.ts';
import { Machine, SimulatedDocker } from './support/machine.ts';

let cloud: LocalCloud;
let machines: Machine[] = [];

const machine = (hostId: string, name: string, docker?: SimulatedDocker): Machine => {
  const made = new Machine(hostId, name, docker);
  machines.push(made);
  return made;
};

const holds = async (address: string): Promise<boolean> =>
  heldInTable(await cloud.contents()).endpoints.includes(address);

/** An operator adopts a host for the principal that signs for it. */
async function adopt(hostId: string): Promise<void> {
  const { principal = '' } = (await cloud.store.readHost(hostId)) ?? {};
  const { code, err } = await runBerth([
    'host',
    'adopt',
    hostId,
    '--principal',
    principal,
    '--endpoint',
    cloud.endpoint,
  ]);
  assert.equal(code, 0, err);
}

before(async () => {
  cloud = await LocalCloud.start({});
});
after(() => cloud.stop());
afterEach(async () => {
  for (const one of machines) await one.remove();
  machines = [];
});

describe('two Docker engines on one host that use the same plugin', { timeout: limit(120_000) }, () => {
  it('are compared one at a time, and the comparison with one frees nothing of the other', async () => {
    const host = machine('two-engines', 'one');
    await host.start(cloud.endpoint);
    const other = new SimulatedDocker('another engine');
    await host.run(await host.createNetwork('10.101.0.0/24'));
    const address = await host.run(await host.createNetwork('10.102.0.0/24', other));
    const findings = await host.compare();
    assert.deepEqual(findings.map(({ kind }) => kind).toSorted(), ['leaked-lease', 'leaked-network']);
    for (const { done } of findings) assert.match(done, /^not mended: this Docker was never seen with that network/);
    assert.ok(await holds(address));
  });

  it('may share a subnet: what one removes stays with the other', async () => {
    const host = machine('one-subnet', 'one');
    await host.start(cloud.endpoint);
    const other = new SimulatedDocker('another engine');
    const own = await host.createNetwork('10.103.0.0/24');
    const address = await host.run(await host.createNetwork('10.103.0.0/24', other));
    await host.compare();
    host.docker.networks = [];
    await host.call('ReleasePool', { PoolID: own.poolId });
    const findings = await host.compare();
    for (const { done } of findings) assert.match(done, /^not mended: this Docker was never seen with that network/);
    assert.ok(await holds(address));
  });

  it('are distinguished by an operator: only an unused lease that the operator names is freed', async () => {
    const host = machine('named', 'one');
    await host.start(cloud.endpoint);
    const other = new SimulatedDocker('another engine');
    const network = await host.createNetwork('10.104.0.0/24', other);
    const [gone, stays] = [await host.run(network), await host.run(network)];
    await host.compare([gone]);
    assert.deepEqual([await holds(gone), await holds(stays)], [false, true]);
  });
});

describe('a golden image', { timeout: limit(120_000) }, () => {
  /** The first machine is silent for a lease, and another machine of the same image starts. */
  async function replaced(hostId: string) {
    const first = machine(hostId, '');
    await first.start(cloud.endpoint);
    const network = await first.createNetwork('10.105.0.0/24');
    const address = await first.run(network);
    await first.stop();
    await endLease(cloud.store, hostId);
    const second = machine(hostId, '', new SimulatedDocker(`second engine of ${hostId}`));
    await second.start(cloud.endpoint);
    await second.run(await second.createNetwork('10.106.0.0/24'));
    const standing = () =>
      cloud.store.refsOfHost(hostId).then(async ({ items }) => {
        const refs = await Promise.all(items.map(({ generation, name }) => cloud.store.readRef(generation, name)));
        return refs.map((ref) => ref?.state).toSorted();
      });
    return { first, second, network, address, standing };
  }

  it('gives a second machine nothing of the first: it does not wake, miss or release anything', async () => {
    const { second, network, address, standing } = await replaced('golden');
    const findings = await second.compare();
    assert.deepEqual(
      findings.map(({ kind }) => kind),
      ['former-network'],
    );
    assert.ok(await holds(address));
    assert.deepEqual(await standing(), ['dormant', 'live']);
    // Like the clean-up of a dockerd whose data were copied too.
    const release = await second.call('ReleaseAddress', { PoolID: network.poolId, Address: address });
    assert.match(String(release['Error']), /held by the machine that was host golden before this one/);
    const removal = await second.call('ReleasePool', { PoolID: network.poolId });
    assert.match(String(removal['Error']), /held by the machine that was host golden before this one/);
    assert.ok(await holds(address));
  });

  it('lets an operator say which machine is the host: what the former one held is freed or goes to the new one', async () => {
    const deps = { store: cloud.store, world: realWorld };
    const dead = await replaced('golden-dead');
    const said = await runBerth(['host', 'former-dead', 'golden-dead', '--yes', '--endpoint', cloud.endpoint]);
    assert.equal(said.code, 0, said.err);
    await withoutFailures(sweep(deps, { deadline: Date.now() + 30_000, limit: 1_000, cursor: undefined }));
    assert.equal(await holds(dead.address), false);
    const same = await replaced('golden-same');
    await adopt('golden-same');
    assert.deepEqual(await same.standing(), ['live', 'live']);
    assert.ok(await holds(same.address));
  });

  it('locks the first machine out when it calls again; both log it, and nothing of either is freed', async () => {
    const { first, second, address } = await replaced('golden-back');
    await first.start(cloud.endpoint);
    await eventually(() => Promise.resolve(first.log.includes('another machine has been host golden-back since')));
    await first.call('ReleaseAddress', { PoolID: first.docker.networks[0]?.poolId, Address: address });
    await second.stop();
    await second.start(cloud.endpoint);
    await eventually(() => Promise.resolve(second.log.includes('another machine says that it is this host')));
    second.docker.networks = [];
    for (const { done } of await second.compare()) assert.notEqual(done, 'mended');
    assert.ok(await holds(address));
  });
});

describe('a data folder that was copied to another machine', { timeout: limit(120_000) }, () => {
  async function copied(hostId: string) {
    const original = machine(hostId, 'the original');
    await original.start(cloud.endpoint);
    const network = await original.createNetwork('10.107.0.0/24');
    const address = await original.run(network);
    await original.compare();
    const copy = machine(hostId, 'the copy', new SimulatedDocker(`copied engine of ${hostId}`));
    copy.takeDataOf(original);
    return { original, network, address, copy };
  }

  it('does not make that one a host: it frees and takes nothing, and the original continues', async () => {
    const { original, network, address, copy } = await copied('copied');
    await copy.start(cloud.endpoint);
    await copy.call('ReleaseAddress', { PoolID: network.poolId, Address: address });
    const asked = await copy.call('RequestAddress', { PoolID: network.poolId, Address: '', Options: {} });
    assert.match(String(asked['Error']), /^another machine has been host copied since .* berth host adopt copied/);
    assert.ok(await holds(address));
    await original.stop();
    await original.start(cloud.endpoint);
    await original.run(network);
    assert.equal(original.log.includes('is not registered'), false);
    await eventually(() => Promise.resolve(original.log.includes('another machine says that it is this host')));
  });

  it('makes that one the host after the disk was moved, once an operator has said so', async () => {
    const { original, network, address, copy } = await copied('moved');
    await original.stop();
    await endLease(cloud.store, 'moved');
    await withoutFailures(
      sweep(
        { store: cloud.store, world: realWorld },
        { deadline: Date.now() + 30_000, limit: 1_000, cursor: undefined },
      ),
    );
    await untilFenced(cloud.store, 'moved');
    const host = await cloud.store.readHost('moved');
    assert.ok(host !== undefined);
    // No machine is bound to it within minutes of its fence, so that no function treats the former machine as the host.
    await cloud.store.writeHost({ ...host, fencedAt: 1 }, host);
    await adopt('moved');
    copy.docker.networks = [network];
    await copy.start(cloud.endpoint);
    assert.notEqual(await copy.run(network), address);
    assert.ok(await holds(address));
  });
});
