/** Docker and the table are made to differ: `berth doctor` reports the difference, and the shim corrects it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { type Diagnosis, askDoctor } from '../../../shim/commands/doctor.ts';
import { readBody } from '../../../shim/read-body.ts';
import type { Berth } from '../../support/berth-process.ts';
import { limit } from '../../support/deadlines.ts';
import { LocalCloud } from '../../support/local-cloud.ts';
import { type LoggedCall, callsOf, dataOf, runContainer, startShim } from './support/berth.ts';
import { VERSIONS, engine, whyNotReady } from './support/engines.ts';
import { heldByDocker, heldInTable } from './support/holdings.ts';
import { type Host, startHost } from './support/host.ts';

/** ms: the interval that is five minutes in production. */
const SECOND_LOOK = 300;
const SUBNET = '10.93.0.0/24';
const POLLS = 100;
const NETWORK = ['--ipam-driver', 'berth', '--subnet', SUBNET, '--gateway', '10.93.0.1', 'net'];

for (const version of VERSIONS) {
  const skip = await whyNotReady(version);
  describe(`Docker and the table, on engine ${version}`, { skip, timeout: limit(240_000) }, () => {
    let cloud: LocalCloud;
    let host: Host;
    let shim: Berth;

    before(async () => {
      cloud = await LocalCloud.start({});
      host = await startHost({ engine: await engine(version), name: 'solo' });
      shim = await start('report');
      await host.docker('network', 'create', ...NETWORK);
      await runContainer(host, 'one', '--network', 'net');
    });

    after(async () => {
      await shim.stop();
      await host.stop();
      await cloud.stop();
    });

    const start = (mode: string, every = 3_600_000): Promise<Berth> =>
      startShim(
        host,
        cloud.endpoint,
        ...['--reconcile', mode, '--reconcile-every', String(every), '--second-look', String(SECOND_LOOK)],
      );

    const socket = (): string => path.join(host.pluginsDir, 'berth.sock');
    const doctor = (isFix = false): Promise<Diagnosis> => askDoctor(socket(), isFix);
    const kinds = ({ findings }: Diagnosis): string[] => findings.map(({ kind }) => kind).toSorted();

    async function assertAgreed(): Promise<void> {
      assert.deepEqual(heldInTable(await cloud.contents()), await heldByDocker(host));
    }

    /** Compares once, and once more after the time after which a difference is acted on. */
    async function fix(): Promise<Diagnosis> {
      await doctor(true);
      await sleep(SECOND_LOOK);
      return doctor(true);
    }

    /** The PoolID of a subnet, as dockerd got it. */
    function poolIdOf(subnet: string): string {
      const text = readFileSync(path.join(dataOf(host), 'networks.json'), 'utf8');
      const known = v.parse(v.pipe(v.string(), v.parseJson(), v.array(v.string())), text);
      return known.find((poolId) => poolId.includes(subnet)) ?? assert.fail(text);
    }

    /** Sends a message in place of dockerd: the table then has something that Docker does not know. */
    function behindDocker(method: LoggedCall['method'], message: object): Promise<string> {
      return new Promise((resolve, reject) => {
        const url = { socketPath: socket(), path: `/IpamDriver.${method}`, method: 'POST' };
        const asking = request(url, (response) => {
          readBody(response, 65_536).then((body) => {
            resolve(body?.toString('utf8') ?? '');
          }, reject);
        });
        asking.once('error', reject);
        asking.end(JSON.stringify(message));
      });
    }

    /** @returns the address. */
    async function leak(Address = ''): Promise<string> {
      const message = { PoolID: poolIdOf(SUBNET), Address, Options: { [MAC]: '02:00:00:00:00:99' } };
      const answer = v.parse(grantedAddress, await behindDocker('RequestAddress', message));
      return answer.Address.replace(/\/.*/, '');
    }

    it('agree after a network and a container', async () => {
      assert.deepEqual(await doctor(), { findings: [] });
      await assertAgreed();
    });

    it('differ by a leaked lease: it is reported at once and freed at the second comparison', async () => {
      await leak();
      const told = await doctor();
      assert.deepEqual(kinds(told), ['leaked-lease']);
      assert.match(
        told.findings[0]?.text ?? '',
        /^10\.93\.0\.\d+ of 10\.93\.0\.0\/24 is leased to this host, but no endpoint/,
      );
      assert.match(told.findings[0]?.done ?? '', /^seen only recently/);
      await sleep(SECOND_LOOK);
      assert.equal((await doctor()).findings[0]?.done, 'to be mended', 'a dry run corrects nothing');
      assert.equal((await doctor(true)).findings[0]?.done, 'mended');
      assert.deepEqual(await doctor(), { findings: [] });
      await assertAgreed();
    });

    it('differ by a leaked lease that is released between two comparisons: a new lease of its address is not freed', async () => {
      const address = await leak();
      await doctor(true);
      await sleep(SECOND_LOOK);
      await behindDocker('ReleaseAddress', { PoolID: poolIdOf(SUBNET), Address: address });
      await runContainer(host, 'two', '--network', 'net', '--ip', address);
      assert.deepEqual(await doctor(true), { findings: [] });
      await assertAgreed();
      await host.docker('rm', '-f', 'two');
    });

    it('differ by another leaked lease of the same address: it is not freed, since it was seen only once', async () => {
      const address = await leak();
      await doctor(true);
      await behindDocker('ReleaseAddress', { PoolID: poolIdOf(SUBNET), Address: address });
      await sleep(SECOND_LOOK);
      assert.equal(await leak(address), address);
      assert.match((await doctor(true)).findings[0]?.done ?? '', /^seen only recently/);
      assert.equal((await fix()).findings[0]?.done, 'mended');
      await assertAgreed();
    });

    it('are compared again from the start after dockerd was restarted', async () => {
      await leak();
      await doctor(true);
      await sleep(SECOND_LOOK);
      await host.restart();
      await host.docker('start', 'one');
      const [finding] = (await doctor(true)).findings;
      assert.match(finding?.done ?? '', /^seen only recently/);
      assert.equal((await fix()).findings[0]?.done, 'mended');
      await assertAgreed();
    });

    it('differ by a network that Docker never had: it ends when an operator says so', async () => {
      await behindDocker('RequestPool', {
        AddressSpace: 'default',
        Pool: '10.94.0.0/24',
        SubPool: '',
        Options: {},
        V6: false,
      });
      assert.deepEqual(kinds(await doctor()), ['leaked-network']);
      assert.match((await fix()).findings[0]?.done ?? '', /^not mended: this Docker was never seen with that network/);
      const named = await askDoctor(socket(), false, ['10.94.0.0/24']);
      assert.equal(named.findings[0]?.done, 'mended');
      assert.deepEqual(await doctor(), { findings: [] });
      await assertAgreed();
    });

    it('differ by a lease that is missing: it is claimed', async () => {
      const { endpoints } = await heldByDocker(host);
      await behindDocker('ReleaseAddress', { PoolID: poolIdOf(SUBNET), Address: endpoints[0] });
      const told = await doctor();
      assert.deepEqual(kinds(told), ['missing-lease']);
      assert.match(told.findings[0]?.text ?? '', /^one has 10\.93\.0\.\d+ of 10\.93\.0\.0\/24, which is not leased/);
      await doctor(true);
      assert.deepEqual(await doctor(), { findings: [] });
      await assertAgreed();
    });

    it('cannot be compared while dockerd is away: nothing is done, and the shim reports it', async () => {
      await leak();
      await doctor(true);
      await host.crash();
      await sleep(SECOND_LOOK);
      await assert.rejects(doctor(true), /^Error: not compared: Docker cannot be queried at \/run\/docker\.sock/);
      await host.start();
      await host.docker('start', 'one');
      assert.equal((await fix()).findings.find(({ kind }) => kind === 'leaked-lease')?.done, 'mended');
      await assertAgreed();
    });

    it('are corrected by the shim alone while dockerd keeps calling it', async () => {
      await shim.stop();
      shim = await start('fix', 100);
      await leak();
      for (let polls = 0; (await doctor()).findings.length > 0; polls++) {
        assert.ok(polls < POLLS, JSON.stringify(await doctor()));
        await host.docker('run', '--rm', '--network', 'net', 'busybox', 'true');
      }
      await assertAgreed();
      assert.ok(callsOf(shim, 'RequestAddress').length > 0);
    });
  });
}

const grantedAddress = v.pipe(v.string(), v.parseJson(), v.object({ Address: v.string() }));
const MAC = 'com.docker.network.endpoint.macaddress';
