/** Functions that thaw and find connections that died while they were frozen. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as v from 'valibot';
import { FaultyHost } from '../faults/host.ts';
import type { Decay } from './support/engine-relay.ts';
import { LambdaCloud } from './support/lambda-cloud.ts';
import { unpackedFunctions } from './support/packages.ts';
import { runtimeClient, whyNoRuntimeClient } from './support/runtime-client.ts';

/** s; longer than a function waits for a missing answer. */
const DEADLINE = 15;

const endpoint = (name: string) => ({ 'com.docker.network.endpoint.name': name });

describe('a function that was frozen for a long time', { skip: whyNoRuntimeClient() ?? false }, () => {
  let cloud: LambdaCloud;
  let host: FaultyHost;

  before(async () => {
    runtimeClient();
    cloud = await LambdaCloud.start({ packages: await unpackedFunctions(), concurrency: 1 });
    host = await FaultyHost.start(cloud, 'host-1', DEADLINE);
    // A call that is refused until the host has registered.
    await host.dockerd().requestPool('0.0.0.0/24');
  });

  after(async () => {
    await host.stop();
    await cloud.stop();
  });

  async function wake(how: Decay): Promise<void> {
    const dockerd = host.dockerd();
    const { poolId } = await dockerd.requestPool('0.0.0.0/24');
    assert.equal((await dockerd.requestAddress(poolId, '', endpoint('before'))).error, undefined);
    const [pools, addresses] = [cloud.pool('pools'), cloud.pool('addresses')];
    await Promise.all([pools.quiet(), addresses.quiet()]);
    const pids = [pools, addresses].map(({ environments }) => environments.map(({ pid }) => pid));
    const relays = [cloud.relay('pools'), cloud.relay('addresses')];
    const stale = relays.map((relay) => relay.decay(how));
    assert.ok(
      stale.every((count) => count > 0),
      'no connection was kept',
    );
    const used = relays.map(({ staleUses }) => staleUses);
    assert.equal((await dockerd.requestPool('0.0.0.0/24')).error, undefined);
    assert.equal((await dockerd.requestAddress(poolId, '', endpoint('after'))).error, undefined);
    if (how !== 'end') {
      assert.ok(
        relays.every(({ staleUses }, i) => staleUses > (used[i] ?? 0)),
        'no dead connection was used',
      );
    }
    assert.deepEqual(
      [pools, addresses].map(({ environments }) => environments.map(({ pid }) => pid)),
      pids,
    );
  }

  const decays = [
    ['end', 'that the engine has closed'],
    ['reset', 'that the network has forgotten'],
    ['silence', 'that accept data and never answer'],
  ] as const;
  for (const [how, what] of decays) {
    it(`does not fail a call because of connections ${what}, and the host sends it only once`, async () => {
      const before = host.proxy.passages.length;
      await wake(how);
      const repeated = host.proxy.passages.slice(before).filter(({ attempt }) => attempt > 1);
      assert.deepEqual(repeated, []);
    });
  }

  it('leaves the table as the host believes it to be', async () => {
    await host.drain();
    assert.deepEqual(await host.differences(), []);
  });

  it('logs only lines of JSON, which CloudWatch can parse into fields and metrics', async () => {
    const dockerd = host.dockerd();
    const { poolId } = await dockerd.requestPool('10.1.0.0/24');
    assert.match((await dockerd.requestAddress(poolId, '10.2.0.1', {})).error ?? '', /out of range/);
    const lines = cloud.log().split('\n').slice(0, -1);
    assert.ok(lines.length > 0);
    // If the runtime's console wrapped a line, it would be the text in `message` of another object.
    const event = v.looseObject({
      level: v.picklist(['info', 'warn', 'error']),
      message: v.pipe(v.string(), v.regex(/^[^{]/)),
    });
    const fields = v.pipe(v.string(), v.parseJson(), v.union([event, v.looseObject({ _aws: v.looseObject({}) })]));
    assert.deepEqual(
      lines.filter((line) => !v.is(fields, line)),
      [],
    );
    const refused = v.pipe(
      v.string(),
      v.parseJson(),
      v.looseObject({ code: v.literal('out-of-range'), request: v.string(), invocation: v.string() }),
    );
    assert.equal(lines.filter((line) => v.is(refused, line)).length, 1);
  });
});
