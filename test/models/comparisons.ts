/** A host compares what its Docker has with the table, and corrects the table. */
import { formatAddress } from '../../protocol/address.ts';
import { reportDeath } from '../../functions/ipam/hosts/host-events.ts';
import type { Call } from '../../functions/ipam/call.ts';
import type { Lease } from '../../functions/ipam/recovery/holdings.ts';
import { decodeSlot } from '../../functions/ipam/slot.ts';
import { keyAfter } from '../../shim/host/sequence.ts';
import { ip } from '../support/addresses.ts';
import { GATEWAY, withMac } from '../support/fleet.ts';
import { type Cuttable, type DockerNetwork, type Scene, type Views } from './cut.ts';
import { MINUTE_MS, isClean, macOf, returns, sweepsAll, uses } from './cut-fleet.ts';
import { networkOf } from './invariants.ts';

/** The epoch of host `a`, which was given up and has returned. */
const EPOCH = 2;

/** A network of host `a` with three leases, as its Docker has it. @param auxiliary an address that it reserves. */
async function creates(scene: Scene, pool: string, epoch: number, auxiliary?: string): Promise<DockerNetwork> {
  const a = scene.host('a');
  const call = () => a.call({ epoch });
  const net = await a.pool({ pool }, call());
  const gateway = await a.address(net, '', GATEWAY, call());
  const reserved = auxiliary === undefined ? [] : [await a.address(net, auxiliary, {}, call())];
  const endpoints = [];
  for (const mac of [0, 1, 2].map(macOf))
    endpoints.push({ address: await a.address(net, '', withMac(mac), call()), mac });
  return { poolId: net.poolId, gateway, reserved, endpoints };
}

/**
 * The fleet gave host `a` up, so that two of its networks have ended, and another host has an address of one. Of its new
 * networks one has a lease too many and one too few, and its Docker does not have the other two.
 */
async function different(scene: Scene): Promise<void> {
  const { deps, host, holdings, docker } = scene;
  await returns(scene);
  const poolId = await uses(scene, 'b', { pool: '10.1.0.0/28', leases: 0 });
  await uses(scene, 'b', { pool: '10.5.0.0/28', leases: 1 });
  const shared = await creates(scene, '10.1.0.0/28', 1, '10.1.0.9');
  const alone = await creates(scene, '10.2.0.0/28', 1, '10.2.0.9');
  await reportDeath(deps, 'a', 'terminated');
  await returns(scene);
  const taken = shared.endpoints[0]?.address;
  holdings.add({ poolId, address: await host('b').address({ poolId, pool: '' }, taken, withMac(macOf(9))) });
  const live = await creates(scene, '10.3.0.0/28', EPOCH, '10.3.0.9');
  await creates(scene, '10.4.0.0/28', EPOCH, '10.4.0.9');
  await creates(scene, '10.5.0.0/28', EPOCH, '10.5.0.9');
  docker.push(shared, alone, {
    ...live,
    endpoints: [...live.endpoints.slice(1), { address: '10.3.0.8', mac: macOf(8) }],
  });
  for (const network of docker) {
    holdings.add({ poolId: network.poolId, address: undefined });
    for (const { address } of network.endpoints) {
      if (network !== shared || address !== taken) holdings.add({ poolId: network.poolId, address });
    }
  }
  deps.world.advance(MINUTE_MS);
}

/** One round: what shim/reconcile/ finds and corrects, call by call. @returns how many corrections were made. */
async function compares(scene: Scene): Promise<number> {
  let corrections = 0;
  for (const network of scene.docker) corrections += await corrects(scene, network);
  return corrections + (await releasesLeaked(scene));
}

const callOf = ({ host }: Scene, changes: Partial<Call> = {}) => host('a').call({ epoch: EPOCH, ...changes });

async function corrects(scene: Scene, { poolId, gateway, reserved, endpoints }: DockerNetwork): Promise<number> {
  const { rules, deps } = scene;
  const { state, leases } = await rules.holdingsOf(deps, callOf(scene), { poolId });
  if (state === 'gone' || state === 'reviving') {
    for (const [n, { address, mac }] of endpoints.entries()) {
      const held = [{ address: ip(address), mac, name: '' }];
      const isLast = n === endpoints.length - 1;
      const revival = { poolId, gateway: ip(gateway), reserved: reserved.map(ip), held, isLast };
      await rules.reviveNetwork(deps, callOf(scene), revival);
    }
    return 1;
  }
  const leaked = leases.filter(({ address }) => !endpoints.some((one) => ip(one.address).value === address.value));
  await releases(scene, poolId, leaked);
  let corrections = leaked.length;
  const rest = endpoints.filter(({ address }) => !leases.some((lease) => lease.address.value === ip(address).value));
  const asked = { poolId, addresses: rest.map(({ address }) => ip(address)), from: 0n };
  const { others } = await rules.holdingsOf(deps, callOf(scene), asked);
  for (const { address, mac } of rest) {
    if (others.some((other) => other.address.value === ip(address).value)) continue;
    corrections++;
    await rules.requestAddress(deps, callOf(scene), { poolId, address, options: withMac(mac) });
  }
  return corrections;
}

async function releases(scene: Scene, poolId: string, leases: readonly Lease[]): Promise<void> {
  for (const { address, requestKey } of leases) {
    const call = callOf(scene, { requestKey: keyAfter(requestKey) });
    await scene.rules.releaseAddress(scene.deps, call, { poolId, address: formatAddress(address) });
  }
}

/** Releases the networks that Docker does not have, after what they lease. */
async function releasesLeaked(scene: Scene): Promise<number> {
  const { rules, deps, docker } = scene;
  const { networks } = await rules.networksOf(deps, callOf(scene));
  const known = docker.map(({ poolId }) => networkOf(poolId));
  const leaked = networks.filter(({ ref }) => !known.some((one) => one.ref === ref.name));
  for (const { poolId } of leaked) {
    const { leases } = await rules.holdingsOf(deps, callOf(scene), { poolId });
    await releases(scene, poolId, leases);
    await rules.releasePool({ ...deps, memory: new rules.PoolMemory() }, callOf(scene), poolId);
  }
  return leaked.length;
}

/** What a slot says of the call that wrote it. */
const OF_CALL = { requestKey: '', sequence: '', releasedAt: 0, hostTag: '' };

/**
 * The corrections of a later round are other calls: their keys differ, and so do the sequences in what they write. Times
 * differ where a pool is announced again, since the first announcement must count as abandoned before. A free slot names
 * another host tag where the sweep has freed it in the place of the host.
 */
const BY_OTHER_CALLS: Views = {
  pool: (pool) => ({ ...pool, announcedAt: 0 }),
  ref: (ref) => ({ ...ref, requestKey: '', endedAt: 0, asked: ref.asked.map(({ address }) => address) }),
  chunk: ({ slots, ...chunk }) => ({
    ...chunk,
    slots: slots.map((value) => value && { ...decodeSlot(value), ...OF_CALL }),
  }),
};

export const comparison: Cuttable = {
  name: 'a comparison ends as uncut with its next round',
  prepare: different,
  operation: compares,
  then: async (scene) => {
    while ((await compares(scene)) > 0);
    // A release that was cut off after the network ended leaves its pool to the sweep.
    scene.deps.world.advance(2 * MINUTE_MS);
    await sweepsAll(100)(scene);
  },
  isSound: isClean,
  compared: BY_OTHER_CALLS,
};
