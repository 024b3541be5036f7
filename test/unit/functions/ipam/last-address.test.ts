/** A pool of N addresses gives out N, whichever hosts ask, in whatever order. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { GrantedPool } from '../../../../functions/ipam/pools/request-pool.ts';
import { Refusal } from '../../../../functions/ipam/refusal.ts';
import { type Fleet, Host, GATEWAY } from '../../../support/fleet.ts';
import { interleaved } from '../../../support/interleaving.ts';
import { MemoryStore } from '../../../support/memory-store.ts';
import { testWorld } from '../../../support/world.ts';

const HOSTS = 64;

interface Network {
  readonly host: Host;
  readonly net: GrantedPool;
}

async function hostsOn(deps: Fleet, pool: string): Promise<Network[]> {
  const hosts = Array.from({ length: HOSTS }, (_, i) => new Host(deps, `h${i}`));
  return Promise.all(hosts.map(async (host) => ({ host, net: await host.pool({ pool }) })));
}

/** The given number of endpoints, spread over all hosts, ask at once. */
async function askAll(networks: readonly Network[], endpoints: number) {
  const asks = Array.from({ length: endpoints }, async (_, i) => {
    const network = networks[i % networks.length] ?? assert.fail();
    try {
      return { network, address: await network.host.address(network.net) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { network, refusal: error };
    }
  });
  const answers = await Promise.all(asks);
  return {
    granted: answers.flatMap(({ network, address }) => (address === undefined ? [] : [{ network, address }])),
    refusals: answers.flatMap(({ refusal }) => (refusal === undefined ? [] : [refusal])),
  };
}

function fulfilled(count: number, endpoints: number, { granted, refusals }: Awaited<ReturnType<typeof askAll>>): void {
  for (const { code, message } of refusals) {
    assert.equal(code, 'no-address-left', message);
    assert.match(message, /^no available addresses on this pool .*\(\d+ held, among them \d+ by host h\d+/);
  }
  assert.equal(new Set(granted.map(({ address }) => address)).size, granted.length, 'all different');
  assert.equal(granted.length, count);
  assert.equal(refusals.length, endpoints - count);
}

describe('a pool of which 64 hosts at once request more than it has', () => {
  for (const [pool, count, seeds] of [
    ['10.1.0.0/26', 61, 5],
    ['10.1.0.0/24', 253, 2],
    ['fd00::/122', 62, 2],
  ] as const) {
    for (let seed = 1; seed <= seeds; seed++) {
      it(`gives out all ${count} addresses of ${pool}, and again after they are freed (seed ${seed})`, async () => {
        const store = interleaved(new MemoryStore(), seed, () => undefined);
        const networks = await hostsOn({ store, world: testWorld({ seed }) }, pool);
        const endpoints = 2 * count;
        const first = await askAll(networks, endpoints);
        fulfilled(count, endpoints, first);
        await Promise.all(first.granted.map(({ network: { host, net }, address }) => host.release(net, address)));
        // None has cooled down, but nothing else is left.
        const second = await askAll(networks, endpoints);
        fulfilled(count, endpoints, second);
      });
    }
  }

  it('gives its gateway to every host', async () => {
    const store = interleaved(new MemoryStore(), 1, () => undefined);
    const networks = await hostsOn({ store, world: testWorld() }, '10.1.0.0/26');
    const gateways = await Promise.all(networks.map(({ host, net }) => host.address(net, '', GATEWAY)));
    assert.deepEqual(new Set(gateways), new Set(['10.1.0.1']));
  });
});
