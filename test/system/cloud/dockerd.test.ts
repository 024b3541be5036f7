/** A real dockerd in front of a deployed stack, on a host whose role has only the host's policy. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { limit } from '../../support/deadlines.ts';
import { runContainer, subnetsOf } from '../engine/support/berth.ts';
import { engine, whyNotReady } from '../engine/support/engines.ts';
import { whyNoEmulator } from './support/available.ts';
import { Checkout } from './support/checkout.ts';
import { DockerHost } from './support/docker-host.ts';
import { Emulator } from './support/emulator.ts';
import { Manual } from './support/manual.ts';
import { Operator } from './support/operator.ts';
import { instanceKeys, itemsOf, makeInstanceRole, outputsOf } from './support/stack.ts';

const INSTANCE = 'i-0123456789abcdef0';
const skip = whyNoEmulator() ?? (await whyNotReady('28'));

describe('a Docker host of a deployed stack', { skip, timeout: limit(300_000) }, () => {
  const manual = new Manual(['deployment.md', 'operations.md']);
  let emulator: Emulator;
  let docker: DockerHost;
  let outputs: Readonly<Record<string, string>>;

  before(async () => {
    emulator = await Emulator.start();
    const operator = new Operator(emulator, new Checkout(path.join(emulator.place.folder, 'checkout')), manual);
    await operator.does('npm run deploy -- --stage prod --region eu-west-1', { more: '--param monitoring=off' });
    outputs = await outputsOf(emulator, 'berth-prod');
    await makeInstanceRole(emulator, 'ROLE');
    await operator.does('aws iam attach-role-policy --role-name ROLE --policy-arn HOST_POLICY_ARN', {
      words: { HOST_POLICY_ARN: outputs['HostPolicyArn'] ?? '' },
    });
    docker = await DockerHost.start(emulator, await engine('28'), INSTANCE);
    await docker.startShim(outputs['Endpoint'] ?? '', await instanceKeys(emulator, 'ROLE', INSTANCE));
  });

  after(async () => {
    await docker.stop();
    await emulator.stop();
  });

  it('creates a network and removes it', async () => {
    const [create = '', remove = ''] = manual
      .take('docker network create --ipam-driver berth check && docker network rm check')
      .split(' && ');
    for (const command of [create, remove]) await docker.host.docker(...command.split(' ').slice(1));
  });

  it('runs containers, each with its own address from the table', async () => {
    await docker.host.docker('network', 'create', '--ipam-driver', 'berth', 'web');
    const one = await runContainer(docker.host, 'one', '--network', 'web');
    const two = await runContainer(docker.host, 'two', '--network', 'web');
    assert.notEqual(one.ip, two.ip);
    const [subnet = ''] = await subnetsOf(docker.host, 'web');
    const prefix = subnet.replace(/\d+\/24$/, '');
    for (const { ip } of [one, two]) assert.ok(ip.startsWith(prefix), `${ip} is not in ${subnet}`);
    const refs = (await itemsOf(emulator, outputs['TableName'] ?? '')).filter(({ sk }) => sk.startsWith('ref#'));
    assert.deepEqual(refs.map(({ state }) => state).toSorted(), ['gone', 'live']);
  });

  it('is healthy according to the shim, and Docker and the table agree', async () => {
    assert.equal((await docker.berth(manual.take('berth shim --health'))).code, 0);
    assert.equal((await docker.berth(manual.take('berth doctor --fix'))).code, 0);
    assert.equal((await docker.berth(manual.take('berth doctor'))).code, 0);
  });
});
