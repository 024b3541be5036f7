/** What a user of docker sees while Berth's functions are away, and that nothing leaks once they are back. */
import assert from 'node:assert/strict';
import { type TestContext, after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Berth } from '../../support/berth-process.ts';
import { limit, scaled } from '../../support/deadlines.ts';
import { LocalCloud } from '../../support/local-cloud.ts';
import { addressOf, callsOf, runContainer, startShim, untilOpen } from './support/berth.ts';
import { VERSIONS, engine, whyNotReady } from './support/engines.ts';
import { heldByDocker, assertNothingLeaked } from './support/holdings.ts';
import { type Host, startHost } from './support/host.ts';

/**
 * ms. Shorter than the default, which is for functions that end after 10 s. What is frozen here arrives all at once when
 * it thaws, and it thaws as soon as no caller waits for it any more.
 */
const IN_FLIGHT_BOUND = scaled(10_000);
/** s, the default on a quiet machine: what does not need the cloud is done in that time. More would only make tests wait. */
const DEADLINE = Math.min(60, scaled(20));
/** More than a quarter of the deadline, for which a request waits for the release at first. */
const ABSENCE_MS = 400 * DEADLINE;
const TIMES = ['--deadline', String(DEADLINE), '--in-flight-bound', String(IN_FLIGHT_BOUND)];
const IPAM = ['--ipam-driver', 'berth'];
/** Automatic addresses come from its upper half, so that none of them is the one that a test asks for. */
const KEPT = ['--subnet', '10.60.0.0/24', '--ip-range', '10.60.0.128/25', '--gateway', '10.60.0.1', 'kept'];
const DOOMED = ['--subnet', '10.61.0.0/24', '--gateway', '10.61.0.1', 'doomed'];
const CONTAINERS = ['one', 'two', 'three'];

interface Absence {
  readonly how: string;
  readonly leave: (cloud: LocalCloud) => Promise<void>;
  readonly words: RegExp;
}

const ABSENCES: readonly Absence[] = [
  {
    how: 'has crashed',
    leave: (cloud) => cloud.crash(),
    words:
      /remote: Berth's functions cannot be reached at unix:\S+\.sock: connect ECONNREFUSED \S+; nothing listens there, so check that Berth is running \(tried \d+ times\)/,
  },
  {
    how: 'is frozen',
    leave: (cloud) => cloud.freeze(),
    words:
      /remote: Berth's functions at unix:\S+\.sock: no answer within [\d.]+ s; either they hang or the network drops packets, so check their duration and this host's routes \(tried 2 times\)/,
  },
];

const seconds = (since: number): string => `${((performance.now() - since) / 1_000).toFixed(1)} s`;

const engines = await Promise.all(VERSIONS.map(async (version) => ({ version, skip: await whyNotReady(version) })));

// Most of it is waiting: all engines at once.
describe('docker while the cloud is away', { concurrency: VERSIONS.length, timeout: limit(400_000) }, () => {
  for (const { version, skip } of engines) {
    describe(`with engine ${version}`, { skip, concurrency: 1 }, () => {
      let host: Host;
      let cloud: LocalCloud;
      let shim: Berth;

      const startOwnShim = () => startShim(host, cloud.endpoint, ...TIMES);

      before(async () => {
        host = await startHost({ engine: await engine(version), name: 'lonely' });
        cloud = await LocalCloud.start({ folder: host.folder });
        shim = await startOwnShim();
        await host.docker('network', 'create', ...IPAM, ...KEPT);
        for (const name of CONTAINERS) await runContainer(host, name, '--network', 'kept');
      });

      afterEach(() => cloud.comeBack());

      after(async () => {
        await shim.stop();
        await cloud.stop();
        await host.stop();
      });

      /** Resolves when all calls have reached the cloud. */
      const settledAlike = (): Promise<void> => assertNothingLeaked(host, cloud);

      it('begins with a table that holds what docker holds', async () => {
        await settledAlike();
        const { networks, endpoints } = await heldByDocker(host);
        assert.deepEqual([networks, endpoints.length], [['10.60.0.0/24'], CONTAINERS.length]);
      });

      for (const { how, leave, words } of ABSENCES) {
        it(`refuses what needs it, stops and removes the rest, and leaks nothing, when it ${how}`, async (t) => {
          await host.docker('network', 'create', ...IPAM, ...DOOMED);
          await runContainer(host, 'stops', '--network', 'kept');
          await leave(cloud);
          const began = performance.now();
          let isOver = false;
          const refusals = Promise.all([
            host.dockerFails('run', '--name', 'late', '--network', 'kept', 'busybox', 'true'),
            host.dockerFails('network', 'create', ...IPAM, 'late'),
          ]).finally(() => (isOver = true));
          await untilOpen(host, (depth) => depth >= 2);
          await tryWhatNeedsNoCloud(host);
          await host.docker('stop', 'stops');
          await host.docker('network', 'rm', 'doomed');
          assert.equal(isOver, false, 'docker was blocked until the calls that need the cloud had ended');
          for (const said of await refusals) assert.match(said, words);
          t.diagnostic(`refused after ${seconds(began)}`);

          await cloud.comeBack();
          await host.docker('rm', 'stops', 'late');
          await runContainer(host, 'again', '--network', 'kept');
          await settledAlike();
          await host.docker('rm', '-f', 'again');
        });
      }

      it('restarts a container with its own address as soon as the cloud is back', async (t) => {
        await runContainer(host, 'own', '--network', 'kept', '--ip', '10.60.0.77');
        await cloud.crash();
        const back = delay(ABSENCE_MS).then(() => cloud.comeBack());
        const began = performance.now();
        await host.docker('restart', '-t', '0', 'own');
        await back;
        t.diagnostic(`restarted after ${seconds(began)}`);
        assert.equal((await addressOf(host, 'own')).ip, '10.60.0.77');
        await host.docker('rm', '-f', 'own');
        await settledAlike();
      });

      /** As after a crash: what ran is released when the daemon starts. */
      async function restartDocker(t: TestContext, when: string): Promise<{ released: number; waited: number }> {
        const already = callsOf(shim, 'ReleaseAddress').length;
        const began = performance.now();
        await host.restart('SIGKILL');
        t.diagnostic(`dockerd started ${when} in ${seconds(began)}`);
        const releases = callsOf(shim, 'ReleaseAddress').slice(already);
        assert.deepEqual(
          releases.filter(({ msg }) => msg !== 'answered'),
          [],
        );
        return { released: releases.length, waited: releases.filter(({ cloudMs }) => cloudMs > 0).length };
      }

      it('starts as usual after it was killed, with the cloud available', async (t) => {
        assert.equal((await restartDocker(t, 'with the cloud available')).released, CONTAINERS.length);
        await host.docker('start', ...CONTAINERS);
        await settledAlike();
      });

      for (const { how, leave } of ABSENCES) {
        it(`starts when the cloud ${how}, and leaks nothing`, async (t) => {
          await leave(cloud);
          const { released, waited } = await restartDocker(t, `when the cloud ${how}`);
          assert.equal(released, CONTAINERS.length);
          assert.ok(waited <= 1, `${waited} releases waited for the cloud, one after the other`);
          await cloud.comeBack();
          await host.docker('start', ...CONTAINERS);
          await settledAlike();
        });
      }

      it('starts with a shim that has not reached the cloud since its own start, and leaks nothing', async (t) => {
        await cloud.crash();
        await shim.stop('SIGKILL');
        shim = await startOwnShim();
        const { released, waited } = await restartDocker(t, 'with a shim that has not reached the cloud');
        assert.equal(released, CONTAINERS.length);
        assert.ok(waited <= 1, `${waited} releases waited for the cloud, one after the other`);
        await cloud.comeBack();
        await host.docker('start', ...CONTAINERS);
        await settledAlike();
        await host.docker('rm', '-f', ...CONTAINERS);
        await host.docker('network', 'rm', 'kept');
        await settledAlike();
        assert.deepEqual((await heldByDocker(host)).networks, []);
      });
    });
  }
});

async function tryWhatNeedsNoCloud(host: Host): Promise<void> {
  assert.match(await host.docker('version', '-f', '{{.Server.Version}}'), /^\d/);
  assert.match(await host.docker('ps', '--format', '{{.Names}}'), /^one$/m);
  assert.match(await host.docker('network', 'ls', '--format', '{{.Name}}'), /^kept$/m);
  assert.equal(await host.docker('inspect', '-f', '{{.State.Running}}', 'one'), 'true');
  assert.equal(await host.docker('exec', 'one', 'echo', 'hello'), 'hello');
  assert.match(await host.docker('network', 'inspect', 'kept'), /10\.60\.0\.0\/24/);
}
