/** When the shim frees what seems to be leaked, and that no failure ends the shim. */
import assert from 'node:assert/strict';
import { type TestContext, describe, it } from 'node:test';
import { pino } from 'pino';
import { DockerError, type DockerNetwork } from '../../../../shim/reconcile/docker-api.ts';
import type { FleetNetwork } from '../../../../shim/reconcile/fleet-records.ts';
import { Reconciler } from '../../../../shim/reconcile/reconciler.ts';
import { Sightings } from '../../../../shim/reconcile/sightings.ts';
import { temporaryFolder } from '../temporary.ts';

const POOL = '10.1.0.0/24';
const live: FleetNetwork = {
  poolId: 'P',
  key: 'g.r',
  pool: POOL,
  state: 'live',
  isFormers: false,
  others: [],
  leases: [{ address: '10.1.0.9', key: 'key-of-9' }],
};
const network: DockerNetwork = {
  id: 'n',
  name: 'net',
  ipam: 'berth',
  isRemote: true,
  isOfSwarm: false,
  endpoints: [],
  subnets: [{ subnet: POOL, gateway: '', auxiliary: [] }],
};

const NOTHING: readonly DockerNetwork[] = [];
const HELD: readonly FleetNetwork[] = [live];
const NOT_HELD: string | undefined = undefined;
const SOUND: { readonly error?: Error } = {};

async function stage(t: TestContext, given?: string) {
  const folder = given ?? (await temporaryFolder(t));
  const done: string[] = [];
  const lines: unknown[] = [];
  const note = (what: string) => (poolId: string, address?: unknown) => {
    done.push(`${what} ${poolId} ${typeof address === 'string' ? address : ''}`.trim());
    return Promise.resolve();
  };
  const docker = {
    engineId: 'one',
    engines: 1,
    held: NOT_HELD,
    has: NOTHING,
    fails: SOUND,
    engine: () => Promise.resolve({ id: docker.engineId, version: '28.5.2' }),
    watch: () => Promise.resolve({ isOver: false, close: () => undefined }),
    networks: () =>
      docker.fails.error === undefined ? Promise.resolve([...docker.has]) : Promise.reject(docker.fails.error),
  };
  const table = {
    has: HELD,
    networks: () => Promise.resolve([...table.has]),
    revive: () => Promise.resolve([]),
  };
  const reconciler = new Reconciler({
    docker,
    table,
    mode: 'fix',
    every: 3_600_000,
    secondLook: 0,
    ready: Promise.resolve(),
    engines: () => Promise.resolve(docker.engines),
    held: () => docker.held,
    hands: {
      sightings: new Sightings(folder),
      known: { poolIds: [], released: (poolId) => void done.push(`forget ${poolId}`) },
      releaseLease: note('release'),
      releaseNetwork: note('end'),
      claim: note('claim'),
    },
    log: pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) }),
  });
  t.after(() => reconciler.stop());
  return { folder, docker, table, reconciler, done, lines };
}

describe('a Docker engine that was never seen with a network', () => {
  it('proves nothing about that network, which is neither freed nor forgotten, and the report says why', async (t) => {
    const { docker, table, reconciler, done } = await stage(t);
    // The engine is known to have another network of this host.
    docker.has = [{ ...network, id: 'm', subnets: [{ subnet: '10.2.0.0/24', gateway: '', auxiliary: [] }] }];
    table.has = [live, { ...live, poolId: 'Q', key: 'g.s', pool: '10.2.0.0/24', leases: [] }];
    for (let i = 0; i < 3; i++) {
      const { findings } = await reconciler.run(true);
      assert.deepEqual(
        findings.map(({ kind }) => kind),
        ['leaked-lease', 'leaked-network'],
      );
      for (const finding of findings) {
        assert.match(
          finding.done,
          /^not mended: this Docker was never seen with that network.* doctor --free 10\.1\.0\./,
        );
      }
    }
    table.has = [{ ...live, state: 'gone' }];
    await reconciler.run(true);
    assert.deepEqual(done, []);
  });

  it('proves a leak once it was seen with the network, also to the next shim; another engine does not', async (t) => {
    const { folder, docker, reconciler, done } = await stage(t);
    docker.has = [network];
    await reconciler.run(true);
    assert.deepEqual(done, ['release P 10.1.0.9']);
    const next = await stage(t, folder);
    await next.reconciler.run(true);
    assert.deepEqual(next.done, ['release P 10.1.0.9', 'end P']);
    const moved = await stage(t, folder);
    moved.docker.engineId = 'two';
    await moved.reconciler.run(true);
    assert.deepEqual(moved.done, []);
  });

  it('does not count as seen with one of several networks on a subnet when it has fewer than the table', async (t) => {
    const { docker, table, reconciler, done } = await stage(t);
    docker.has = [network];
    table.has = [live, { ...live, poolId: 'Q', key: 'g.s' }];
    await reconciler.run(true);
    docker.has = [];
    await reconciler.run(true);
    assert.deepEqual(done, []);
  });
});

describe('nothing is freed, whatever was seen', () => {
  const known = async (t: TestContext) => {
    const it = await stage(t);
    it.docker.has = [network];
    it.table.has = [{ ...live, leases: [] }];
    await it.reconciler.run(true);
    it.docker.has = [];
    it.table.has = [live];
    return it;
  };

  it('if more than one engine runs', async (t) => {
    const { docker, reconciler, done } = await known(t);
    docker.engines = 2;
    const { findings } = await reconciler.run(true);
    assert.match(findings[0]?.done ?? '', /^not mended: 2 Docker engines run on this host/);
    assert.deepEqual(done, []);
  });

  it('while another machine claims to be this host', async (t) => {
    const { docker, reconciler, done } = await known(t);
    docker.held = 'another machine says so';
    const { findings } = await reconciler.run(true);
    assert.match(findings[0]?.done ?? '', /^not mended: another machine says so/);
    assert.deepEqual(done, []);
  });

  it('except an address or a subnet that an operator names', async (t) => {
    const { docker, reconciler, done } = await known(t);
    docker.engines = 2;
    await reconciler.run(false, ['10.1.0.9']);
    assert.deepEqual(done, ['release P 10.1.0.9']);
    await reconciler.run(true, [POOL]);
    assert.deepEqual(done, ['release P 10.1.0.9', 'end P']);
  });
});

describe('a round that goes wrong', () => {
  it('is logged once, and the next round continues', async (t) => {
    const { docker, reconciler, lines } = await stage(t);
    const before = reconciler.lastAt;
    assert.equal(before, undefined);
    docker.fails = { error: new DockerError('Docker is away') };
    for (let i = 0; i < 2; i++)
      assert.deepEqual(await reconciler.run(true), { failure: 'Docker is away', findings: [] });
    assert.equal(lines.length, 1);
    docker.fails = SOUND;
    docker.has = [network];
    assert.equal((await reconciler.run(true)).failure, undefined);
    assert.equal(typeof reconciler.lastAt, 'number');
  });

  it('in an unforeseen way does not end the shim', async (t) => {
    const { docker, reconciler, lines } = await stage(t);
    docker.fails = { error: new TypeError('unforeseen') };
    assert.equal((await reconciler.run(true)).failure, 'unforeseen');
    assert.deepEqual(
      lines.map((line) => (line instanceof Object && 'level' in line ? line.level : undefined)),
      [50],
    );
    docker.fails = SOUND;
    docker.has = [network];
    assert.equal((await reconciler.run(true)).failure, undefined);
  });
});
