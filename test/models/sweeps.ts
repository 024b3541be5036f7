/** A sweep cleans up while networks come and go. */
import { emptyReport } from '../../functions/ipam/sweep/report.ts';
import { HOURS, claims, leaves, sweeping, sweepsChunks, sweepsTombstones, together, visits, ends } from './actors.ts';
import { type Check, holds, survives, violated } from './check.ts';
import { networkOf } from './invariants.ts';
import type { Player } from './player.ts';
import type { Actor } from './simulation.ts';
import { MAC, sharing } from './stands.ts';

const POOL = '10.0.0.0/30';
const KEPT = '10.0.0.2';

/** A function ended the network of host `a`, and did nothing else. */
async function cutOff(me: Player): Promise<void> {
  me.giveUp('a drops');
  await ends(me);
}

/** No network is left on a pool of which an address was used. */
async function abandoned(me: Player): Promise<void> {
  await sharing(POOL, ['a'])(me);
  const call = me.call({ hostId: 'a' });
  const given = await me.address(me.recall('a'), '', MAC, call);
  await me.release(me.recall('a'), given ?? '', me.call({ hostId: 'a' }));
  await cutOff(me);
  const { generation, ref } = networkOf(me.recall('a'));
  await me.deps.store.removeTombstone(generation, ref);
}

/** An address is reserved that only the ended network of host `a` has listed. */
async function unlisted(me: Player): Promise<void> {
  await sharing(POOL, ['a', 'b'])(me);
  await me.address(me.recall('a'), KEPT, {}, me.call({ hostId: 'a' }));
  await cutOff(me);
}

/** All of it at once. */
async function littered(me: Player): Promise<void> {
  await unlisted(me);
  await me.address(me.recall('b'), '10.0.0.1', MAC, me.call({ hostId: 'b' }));
  me.giveUp('b drops');
  await ends(me, 'b');
}

const sweepingPool = (name: string): Actor => ({
  name,
  play: async (me) => {
    const network = await me.deps.store.poolsStartingIn('default', { family: 4, first: 0n, last: 2n ** 32n - 1n });
    for (const pool of network.items) await me.stage.rules.sweepPool(me.deps, pool, emptyReport());
  },
});

const sweepingTombstones: Actor = { ...sweepsTombstones('sweep'), afterwards: true, ahead: HOURS };

const joins = (name: string): Actor => ({
  name,
  play: async (me) => {
    const net = await me.pool({ pool: POOL });
    if (net === undefined) return;
    await me.hold(net.poolId);
    const given = await me.address(net.poolId, '', MAC);
    if (given !== undefined) await me.hold(net.poolId, given);
  },
});

const keeps = claims('b keeps', KEPT, {});
const joined = together(abandoned, 0, sweepsChunks('sweep'), joins('b'));
const kept = together(unlisted, 0, sweepsChunks('sweep'), keeps);
const again = [
  together(abandoned, 0, sweepsChunks('sweep', true), joins('b')),
  together(unlisted, 0, sweepsChunks('sweep', true), keeps, joins('c')),
  together(sharing(POOL, ['a', 'b']), 0, sweepsChunks('sweep', true), leaves('a leaves'), joins('c')),
];
const ended = together(
  sharing('10.0.0.0/30', ['a', 'b']),
  0,
  leaves('a leaves'),
  claims('a claims'),
  sweepingTombstones,
);

export const sweeps: readonly Check[] = [
  holds('a pool is swept while networks leave and join', [
    together(abandoned, 0, sweepingPool('sweep'), joins('b')),
    together(abandoned, 0, sweepingPool('sweep'), sweepingPool('sweep again')),
    together(abandoned, 1, sweepingPool('sweep'), visits('b', POOL)),
    together(sharing(POOL, ['a']), 0, sweepingPool('sweep'), leaves('a leaves')),
  ]),
  holds('chunks are swept while networks join and keep addresses', [joined, kept]),
  holds('chunks are swept again while networks join, end and keep addresses', again),
  violated('fails when references that a walk has read before decide what is freed', again, /is held|is free/, [
    { within: 'sweepChunks', find: 'const refs = await allRefs(', replace: 'const refs = known ?? await allRefs(' },
  ]),
  holds('a lease that landed under a tombstone is freed before the tombstone is removed', [ended]),
  holds('one sweep clears up everything that was left', [together(littered, 1, sweeping('sweep', false))]),
  survives(
    'two sweeps run at once while networks come and go',
    [
      together(littered, 1, sweeping('sweep', false), sweeping('sweep again', false), joins('c')),
      together(unlisted, 1, sweeping('sweep', false), keeps, visits('c', POOL), sweeping('sweep again')),
      together(abandoned, 1, sweeping('sweep', false), sweeping('sweep again', false), joins('b'), visits('c', POOL)),
    ],
    300,
  ),
  violated('fails when a chunk is removed whatever it holds', [joined], /its slot says/, [
    { within: 'MemoryStore.removeChunk', find: 'if (!isHeld) this.chunks.delete(', replace: 'this.chunks.delete(' },
  ]),
  violated(
    'fails when a sweep reads which networks keep an address before the address',
    [kept],
    /is kept by a network, and is free/,
    [
      {
        within: 'sweepChunks',
        find: '      if (await freeExactly(deps, IN_PLACE_OF_HOST, ref, place, value)) report[kind]++;',
        replace:
          '      const [now] = await deps.store.readChunks(generation, place.chunk, place.chunk);\n      if (await freeExactly(deps, IN_PLACE_OF_HOST, ref, place, now?.slots[place.slot] ?? value)) report[kind]++;',
      },
    ],
  ),
  violated('fails when a tombstone is removed without a second look', [ended], /the lease .* leaks/, [
    {
      within: 'sweepTombstones',
      find: '  const freed = await freeOrphans(deps, IN_PLACE_OF_HOST, gone, deadline);\n',
      replace: '  const freed = [freeOrphans, gone].length - 2;\n',
    },
  ]),
];
