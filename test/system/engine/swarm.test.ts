/** A swarm of one node whose overlay networks Berth manages: what the manager plans, and what the node uses of it. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { sweep } from '../../../functions/ipam/sweep/sweep.ts';
import { realWorld } from '../../../functions/lambda/world.ts';
import { packagePlugin } from '../../../infra/host/plugin.ts';
import { type Diagnosis, askDoctor } from '../../../shim/commands/doctor.ts';
import { limit, until } from '../../support/deadlines.ts';
import { LocalCloud } from '../../support/local-cloud.ts';
import { withoutFailures } from '../../support/whole-sweep.ts';
import { addressOf, ping, startShim, subnetsOf } from './support/berth.ts';
import { VERSIONS, engine, whyNotReady } from './support/engines.ts';
import { heldInTable } from './support/holdings.ts';
import { type Host, startHost } from './support/host.ts';

/** Swarm accepts only managed plugins. */
const PLUGIN = 'example/berth:1';
const OVERLAY = ['network', 'create', '-d', 'overlay', '--attachable', '--ipam-driver', PLUGIN];
const SERVICE = ['service', 'create', '--quiet', '--no-resolve-image', '--restart-delay', '100ms'];
const TASKS = 2;

const POLL_MS = 200;
const LATEST_MS = 60_000;
/** Some seconds, within which a leader that has started has asked for all that it keeps. */
const LOOKS_PER_SWEEP = 50;
const MOST_ITEMS = 1_000;

const engines = await Promise.all(VERSIONS.map(async (version) => ({ version, skip: await whyNotReady(version) })));

// Most of it is waiting: all engines at once.
describe('a swarm of one node', { concurrency: VERSIONS.length, timeout: limit(400_000) }, () => {
  for (const { version, skip } of engines) {
    describe(`with engine ${version}`, { skip, concurrency: 1 }, () => {
      let host: Host;
      let cloud: LocalCloud;
      let built: string;

      before(async () => {
        host = await startHost({ engine: await engine(version), name: 'manager' });
        const data = path.join(host.folder, 'data');
        mkdirSync(data);
        cloud = await LocalCloud.start({ folder: data });
        built = mkdtempSync(path.join(os.tmpdir(), 'berth-plugin-'));
        await packagePlugin(built, 'berth');
        reachAs('/var/lib/berth', data);
        await host.docker('plugin', 'create', PLUGIN, built);
        const mounts = [`data.source=${data}`, 'machine-id.source=/dev/null'];
        await host.docker(
          'plugin',
          'set',
          PLUGIN,
          `BERTH_ENDPOINT=${cloud.endpoint}`,
          'BERTH_HOST_ID=swarm',
          ...mounts,
        );
        await host.docker('plugin', 'enable', PLUGIN);
        await cloud.store.writeSpace('default.global', { managers: ['swarm'] }, undefined);
        await host.docker('swarm', 'init', '--advertise-addr', '127.0.0.1');
      });

      after(async () => {
        await cloud.stop();
        await host.stop();
        rmSync(built, { recursive: true, force: true });
      });

      /** The functions name each other's sockets by their paths here, which the plugin must find. */
      function reachAs(inPlugin: string, here: string): void {
        const link = path.join(built, 'rootfs', here);
        mkdirSync(path.dirname(link), { recursive: true });
        symlinkSync(inPlugin, link);
      }

      const running = async (service: string): Promise<string[]> => {
        const label = `label=com.docker.swarm.service.name=${service}`;
        return (await host.docker('ps', '-q', '--filter', label)).split('\n').filter((id) => id !== '');
      };

      async function comesAbout(what: string, holds: () => Promise<boolean>): Promise<void> {
        let seen = '';
        const look = async (): Promise<boolean> => {
          seen = JSON.stringify(await held());
          return holds();
        };
        await until(look, () => `${what}: ${seen}`, { milliseconds: LATEST_MS, pause: POLL_MS });
      }

      /** What the managers' space holds, and the nodes'. */
      async function held() {
        const { pools, refs, addresses } = await cloud.contents();
        const inSpace = (space: string) => {
          const own = pools.filter((pool) => pool.space === space);
          const generations = new Set(own.map(({ generation }) => generation));
          return heldInTable({
            pools: own,
            refs: refs.filter((ref) => ref.space === space),
            addresses: addresses.filter(({ generation }) => generations.has(generation)),
          });
        };
        return { managers: inSpace('default.global'), nodes: inSpace('default') };
      }

      async function sweepAll(): Promise<void> {
        const deps = { store: cloud.store, world: realWorld };
        await withoutFailures(sweep(deps, { deadline: Infinity, limit: MOST_ITEMS, cursor: undefined }));
      }

      const refusals = (): string[] =>
        readFileSync(path.join(cloud.folder, 'cloud.log'), 'utf8')
          .split('\n')
          .filter((line) => line.includes('"refused"') || line.includes('"failed"'))
          // An engine sometimes releases an address without naming its pool, which has no meaning.
          .filter((line) => !line.includes('PoolID: must not be empty'));

      /** The address of each task, and the node's own for load balancing. */
      async function assertTasksHold(service: string): Promise<void> {
        await comesAbout(`${TASKS} tasks run`, async () => (await running(service)).length === TASKS);
        let looks = 0;
        await comesAbout('managers and nodes hold the same', async () => {
          const { managers, nodes } = await held();
          if (nodes.endpoints.length !== TASKS + 1) return false;
          if (managers.endpoints.join() === nodes.endpoints.join()) return true;
          // A slow leader does not ask for the addresses of tasks that failed before it led: the sweep frees them.
          if (++looks % LOOKS_PER_SWEEP === 0) await sweepAll();
          return false;
        });
        const { managers, nodes } = await held();
        assert.deepEqual(managers, nodes);
        assert.equal(managers.networks.length, 1);
        const [one = '', two = ''] = await running(service);
        for (const task of [one, two]) {
          const { ip } = await addressOf(host, task);
          assert.ok(nodes.endpoints.includes(ip), ip);
        }
        await ping(host, one, (await addressOf(host, two)).ip);
        assert.deepEqual(await compared(), []);
      }

      /** Where the node's Docker and the table differ; what managers plan is not compared. */
      async function compared(): Promise<Diagnosis['findings']> {
        const id = await host.docker('plugin', 'inspect', '-f', '{{.Id}}', PLUGIN);
        return (await askDoctor(path.join(host.pluginsDir, id, 'berth.sock'), false)).findings;
      }

      it('accepts only the managed plugin', async () => {
        const shim = await startShim(host, cloud.endpoint);
        const said = await host.dockerFails('network', 'create', '-d', 'overlay', '--ipam-driver', 'berth', 'refused');
        assert.match(said, /legacy plugin berth of type IpamDriver is not supported in swarm mode/);
        await shim.stop();
      });

      const NOTHING = { pools: [], networks: [], endpoints: [], gateways: [] };

      async function serve(subnet: string): Promise<void> {
        await host.docker(...OVERLAY, '--subnet', subnet, 'ov');
        const replicas = ['--replicas', String(TASKS), '--endpoint-mode', 'dnsrr'];
        await host.docker(...SERVICE, '--name', 'web', ...replicas, '--network', 'ov', 'busybox', 'sleep', '3600');
      }

      async function stopServing(): Promise<void> {
        await host.docker('service', 'rm', 'web');
        await comesAbout('no task runs', async () => (await running('web')).length === 0);
        await host.docker('network', 'rm', 'ov');
        await comesAbout('the managers hold nothing', async () => isDeepStrictEqual((await held()).managers, NOTHING));
      }

      it('runs a service whose tasks get their addresses from Berth', async () => {
        await serve('10.77.0.0/24');
        await assertTasksHold('web');
      });

      it('continues after its engine is restarted', async () => {
        await host.restart();
        await assertTasksHold('web');
      });

      it('releases everything when the service is removed', async () => {
        await stopServing();
        await comesAbout('the node holds nothing', async () => isDeepStrictEqual((await held()).nodes, NOTHING));
      });

      it('was never refused anything in the tests before', () => {
        assert.deepEqual(refusals(), []);
      });

      it('continues after a crash of its engine, which forgets what its node held: no other endpoint gets that', async () => {
        await serve('10.78.0.0/24');
        await assertTasksHold('web');
        const before = await held();
        await host.restart('SIGKILL');
        await comesAbout('tasks run again', async () => {
          const { managers } = await held();
          return (
            (await running('web')).length === TASKS && managers.endpoints.join() !== before.managers.endpoints.join()
          );
        });
        const ips = await Promise.all((await running('web')).map(async (task) => (await addressOf(host, task)).ip));
        const { managers, nodes } = await held();
        for (const ip of ips) assert.ok(managers.endpoints.includes(ip) && nodes.endpoints.includes(ip), ip);
        for (const ip of before.nodes.endpoints) assert.ok(nodes.endpoints.includes(ip) && !ips.includes(ip), ip);
        assert.deepEqual([managers.networks.length, nodes.networks.length], [1, 2]);
        await stopServing();
        assert.deepEqual(refusals(), []);
      });

      it('gets automatic subnets that do not overlap the networks of its nodes', async () => {
        await host.docker(...OVERLAY, 'auto');
        // The manager has the subnet before Docker shows it.
        await comesAbout('it has a subnet', async () => (await subnetsOf(host, 'auto'))[0] !== '');
        assert.match((await subnetsOf(host, 'auto'))[0] ?? '', /^10\.(12[89]|1[3-8]\d|19[01])\.\d+\.0\/24$/);
        await host.docker('network', 'rm', 'auto');
      });
    });
  }
});
