/** What every store must do (functions/ipam/store.ts). It runs on each implementation. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Pool, PoolDraft } from '../../../functions/ipam/pool.ts';
import type { Ref } from '../../../functions/ipam/ref.ts';
import { SEAL_WIDTH, type Store } from '../../../functions/ipam/store.ts';
import { cidrRange, formatCidr, parseAddress } from '../../../protocol/address.ts';
import { crowdContract } from './crowd-contract.ts';
import { hostContract } from './host-contract.ts';
import { lifeContract } from './life-contract.ts';
import { OTHER, REF, announce, draft, fresh, ref, added, cidr } from './samples.ts';
import { slotContract } from './slot-contract.ts';
import { spaceContract } from './space-contract.ts';

export interface OpenStore {
  readonly store: Store;
  /** The store as another process sees it. */
  readonly elsewhere?: () => Store;
  close(): Promise<void>;
}

/** @param why the reason to skip it, if it cannot run here. */
export function storeContract(name: string, open: () => Promise<OpenStore>, why?: string): void {
  describe(`the store contract on ${name}`, { skip: why ?? false }, () => {
    let opened: OpenStore;
    let store: Store;
    before(async () => {
      opened = await open();
      store = opened.store;
    });
    after(() => opened.close());

    poolContract(() => store);
    neighbourContract(() => store);
    refContract(() => store);
    slotContract(() => store);
    nameContract(() => store);
    spaceContract(() => store);
    hostContract(() => store);
    lifeContract(() => store);
    crowdContract(() => store);
    sealContract(
      () => store,
      () => opened.elsewhere?.() ?? store,
    );
  });
}

function sealContract(get: () => Store, elsewhere: () => Store): void {
  describe('seals', () => {
    it('are made with one key, even if many processes need the first one at once', async () => {
      const stores = Array.from({ length: 16 }, elsewhere);
      // So that each has a connection, and none is done before the next has begun.
      await Promise.all(stores.map((store) => store.readSpace('default')));
      const seals = await Promise.all(stores.map((store) => store.seal('text')));
      const [seal = assert.fail()] = seals;
      assert.match(seal, new RegExp(`^[0-9a-z]{${SEAL_WIDTH}}$`));
      assert.deepEqual(new Set([...seals, await elsewhere().seal('text')]), new Set([seal]));
    });

    it('are valid for one text only', async () => {
      const seal = await get().seal('text');
      assert.equal(await elsewhere().isSeal('text', seal), true);
      assert.equal(await get().isSeal('other text', seal), false);
      assert.notEqual(await get().seal('other text'), seal);
      for (const other of ['', 'x', seal.slice(1), `${seal}0`, '0'.repeat(SEAL_WIDTH), 'é'.repeat(SEAL_WIDTH)]) {
        assert.equal(await get().isSeal('text', other), false);
      }
    });
  });
}

function poolContract(get: () => Store): void {
  describe('pools', () => {
    it('announces a pool where there is no other, and otherwise returns the existing one', async () => {
      const space = fresh('s');
      const pool = await announce(get(), space, '10.0.0.0/24');
      assert.equal(pool.state, 'pending');
      assert.deepEqual(await get().announcePool(draft(space, '10.0.0.0/24')), { standing: pool });
      assert.deepEqual(await get().readPool(space, cidr('10.0.0.0/24')), pool);
      assert.equal(await get().readPool(space, cidr('10.0.0.0/25')), undefined);
    });

    it('gives each announcement its own generation and rev', async () => {
      const pool = await announce(get(), fresh('s'), '10.0.0.0/24');
      const other = await announce(get(), fresh('s'), '10.0.0.0/24');
      assert.notEqual(pool.generation, other.generation);
      assert.notEqual(pool.rev, other.rev);
    });

    it('stores an IPv6 pool without a gateway', async () => {
      const space = fresh('s');
      const plain: PoolDraft = { ...draft(space, 'fd00::/64'), gateway: undefined, exclusive: true };
      await get().announcePool(plain);
      const pool = (await get().readPool(space, cidr('fd00::/64'))) ?? assert.fail();
      assert.deepEqual({ ...pool, generation: '', rev: '' }, { ...plain, generation: '', rev: '', state: 'pending' });
    });

    it('changes a pool only if it is exactly as it was read, and sets a new rev', async () => {
      const pool = await announce(get(), fresh('s'), '10.0.0.0/24');
      const confirmed = (await get().changePool(pool, 'confirmed')) ?? assert.fail();
      assert.deepEqual({ ...confirmed, rev: '' }, { ...pool, state: 'confirmed', rev: '' });
      assert.notEqual(confirmed.rev, pool.rev);
      assert.equal(await get().changePool(pool, 'retiring'), undefined);
      assert.deepEqual(await get().readPool(pool.space, pool.cidr), confirmed);
    });

    it('removes a pool only if it is exactly as it was read', async () => {
      const pool = await announce(get(), fresh('s'), '10.0.0.0/24');
      const confirmed = (await get().changePool(pool, 'confirmed')) ?? assert.fail();
      assert.equal(await get().removePool(pool), false);
      assert.equal(await get().removePool(confirmed), true);
      assert.equal(await get().removePool(confirmed), false);
      assert.equal(await get().readPool(pool.space, pool.cidr), undefined);
      assert.equal(await get().changePool(confirmed, 'retiring'), undefined);
    });
  });
}

const texts = (pools: readonly Pool[]): string[] => pools.map((pool) => formatCidr(pool.cidr));

function neighbourContract(get: () => Store): void {
  const ALL = ['10.0.0.0/8', '10.0.0.0/24', '10.0.1.0/24', '10.0.1.128/25', '10.1.0.0/16', 'fd00::/64'];

  async function spaceWith(pools: readonly string[]): Promise<string> {
    const space = fresh('s');
    for (const text of pools) await announce(get(), space, text);
    return space;
  }

  describe('neighbours', () => {
    it('lists pools that start inside a range, ascending by start and then by prefix length', async () => {
      const space = await spaceWith(ALL.toReversed());
      const inside = async (text: string) => texts((await get().poolsStartingIn(space, cidrRange(cidr(text)))).items);
      assert.deepEqual(await inside('10.0.0.0/16'), ALL.slice(0, 4));
      assert.deepEqual(await inside('10.0.1.0/24'), ['10.0.1.0/24', '10.0.1.128/25']);
      assert.deepEqual(await inside('10.0.1.0/25'), ['10.0.1.0/24']);
      assert.deepEqual(await inside('11.0.0.0/8'), []);
      assert.deepEqual(await inside('::/0'), ['fd00::/64']);
    });

    it('lists pools that start before an address, descending', async () => {
      const space = await spaceWith(ALL);
      const before = async (text: string) => {
        const address = parseAddress(text) ?? assert.fail();
        return texts((await get().poolsStartingBefore(space, address)).items);
      };
      assert.deepEqual(await before('10.1.0.0'), ['10.0.1.128/25', '10.0.1.0/24', '10.0.0.0/24', '10.0.0.0/8']);
      assert.deepEqual(await before('10.0.1.128'), ['10.0.1.0/24', '10.0.0.0/24', '10.0.0.0/8']);
      assert.deepEqual(await before('10.0.0.0'), []);
      assert.deepEqual(await before('fd01::'), ['fd00::/64']);
    });

    it('continues after a page, in both directions, up to the last pool', async () => {
      const pools = Array.from({ length: 230 }, (_, i) => `10.2.${i}.0/24`);
      const space = await spaceWith(pools);
      const range = cidrRange(cidr('10.0.0.0/8'));
      const seen: Pool[] = [];
      for (let more = true; more;) {
        const page = await get().poolsStartingIn(space, range, seen.at(-1)?.cidr);
        seen.push(...page.items);
        more = page.more;
      }
      assert.deepEqual(texts(seen), pools);
      const back: Pool[] = [];
      for (let more = true; more;) {
        const page = await get().poolsStartingBefore(space, { family: 4, value: range.last }, back.at(-1)?.cidr);
        back.push(...page.items);
        more = page.more;
      }
      assert.deepEqual(texts(back), pools.toReversed());
    });
  });
}

function refContract(get: () => Store): void {
  describe('references', () => {
    it('adds a reference once, and reads it back unchanged', async () => {
      const generation = fresh('g');
      assert.equal(await get().addRef(ref(generation, REF)), true);
      assert.deepEqual(await get().readRef(generation, REF), ref(generation, REF));
      assert.equal(await get().readRef(generation, OTHER), undefined);
      assert.equal(await get().addRef({ ...ref(generation, REF), requestKey: '0000000000002' }), false);
    });

    it('reads many references, those that exist, however many are asked for', async () => {
      const generation = fresh('g');
      const names = Array.from({ length: 150 }, (_, i) => `hosttag0${String(i).padStart(6, '0')}`);
      for (const name of names.slice(0, 120)) await get().addRef(ref(generation, name));
      const found = await get().readRefs(names.map((name) => ({ generation, name })));
      assert.deepEqual(found.map(({ name }) => name).sort(), names.slice(0, 120));
      assert.deepEqual(
        found.find(({ name }) => name === names[7]),
        ref(generation, names[7] ?? ''),
      );
      assert.deepEqual(await get().readRefs([]), []);
    });

    it('treats a repeat of the same call as success', async () => {
      assert.equal(await get().addRef(await added(get())), true);
    });

    it('ends a reference with a tombstone, which no later call revives', async () => {
      const { generation } = await added(get());
      assert.equal(await get().endRef(generation, REF, 7_000), true);
      assert.equal((await get().readRef(generation, REF))?.state, 'gone');
      assert.equal(await get().addRef(ref(generation, REF)), false);
      assert.equal((await get().readRef(generation, REF))?.state, 'gone');
      assert.equal(await get().endRef(generation, REF, 7_000), true);
      assert.equal(await get().endRef(generation, OTHER, 7_000), false);
      assert.equal(await get().readRef(generation, OTHER), undefined);
    });

    it('sets what a reference keeps only if that is as it was read', async () => {
      const seen = await added(get());
      const { generation } = seen;
      const next = {
        gateway: seen.gateway,
        reserved: [{ family: 4, first: 3n, last: 3n } as const],
        asked: [...seen.asked, { address: { family: 4, value: 3n } as const, sequence: '000000002' }],
      };
      assert.equal(await get().writeKept(seen, next), true);
      assert.deepEqual(await get().readRef(generation, REF), { ...seen, ...next });
      const nothing = { gateway: undefined, reserved: [], asked: [] };
      assert.equal(await get().writeKept(seen, nothing), false);
      assert.equal(await get().writeKept({ ...seen, ...next }, nothing), true);
      assert.deepEqual(await get().readRef(generation, REF), { ...seen, ...nothing });
    });

    it('sets what a reference was asked to keep only if that is as it was read', async () => {
      const seen = await added(get(), { asked: [] });
      const asked = (sequence: string) => ({
        ...seen,
        asked: [{ address: { family: 4, value: 1n } as const, sequence }],
      });
      assert.equal(await get().writeKept(seen, asked('000000002')), true);
      assert.equal(await get().writeKept(seen, asked('000000003')), false);
      assert.equal(await get().writeKept(asked('000000001'), asked('000000003')), false);
      assert.deepEqual(await get().readRef(seen.generation, REF), asked('000000002'));
    });

    it('does not change a reference that is gone or of another epoch', async () => {
      const seen = await added(get());
      const { generation } = seen;
      const nothing = { gateway: undefined, reserved: [], asked: [] };
      assert.equal(await get().writeKept({ ...seen, epoch: 2 }, nothing), false);
      await get().endRef(generation, REF, 7_000);
      assert.equal(await get().writeKept(seen, nothing), false);
      assert.deepEqual(await get().readRef(generation, REF), { ...seen, state: 'gone', endedAt: 7_000 });
    });

    it("finds the references that the attempts of a host's call have added, including tombstones", async () => {
      const hostId = fresh('host');
      const [one, two, other] = [fresh('g'), fresh('g'), fresh('g')];
      const added = { ...ref(one, REF), hostId };
      await get().addRef(added);
      await get().addRef({ ...added, generation: two, name: OTHER });
      await get().addRef({ ...added, generation: other, requestKey: '0000000000002' });
      await get().addRef({ ...added, generation: other, name: OTHER, hostId: fresh('host') });
      await get().endRef(two, OTHER, 7_000);
      const found = await get().refsOfCall(hostId, added.requestKey);
      const sorted = found.toSorted((a, b) => (a.generation < b.generation ? -1 : 1));
      assert.deepEqual(sorted, [
        { generation: one, name: REF, requestKey: added.requestKey },
        { generation: two, name: OTHER, requestKey: added.requestKey },
      ]);
      assert.deepEqual(await get().refsOfCall(hostId, '0000000000003'), []);
    });

    it('lists the references of one life of a pool in pages, including tombstones', async () => {
      const generation = fresh('g');
      const names = Array.from({ length: 40 }, (_, i) => `hosthost${String(i).padStart(6, '0')}`);
      for (const name of names) await get().addRef(ref(generation, name));
      await get().addRef(ref(fresh('g'), REF));
      await get().endRef(generation, REF, 7_000);
      const seen: Ref[] = [];
      for (let more = true; more;) {
        const page = await get().refsOf(generation, seen.at(-1)?.name);
        seen.push(...page.items);
        more = page.more;
      }
      assert.deepEqual(
        seen.map(({ name }) => name),
        names,
      );
      assert.deepEqual(
        seen.filter(({ state }) => state === 'gone').map(({ name }) => name),
        [REF],
      );
    });
  });
}

function nameContract(get: () => Store): void {
  describe('names', () => {
    it('lets one of several callers set a name', async () => {
      const space = fresh('s');
      const one = { cidr: cidr('10.0.0.0/24'), generation: 'g1' };
      const two = { cidr: cidr('10.0.1.0/24'), generation: 'g2' };
      assert.equal(await get().readPoolName(space, 4, 'ci'), undefined);
      assert.equal(await get().writePoolName(space, 'ci', one, undefined), true);
      assert.equal(await get().writePoolName(space, 'ci', two, undefined), false);
      assert.deepEqual(await get().readPoolName(space, 4, 'ci'), one);
      assert.equal(await get().writePoolName(space, 'ci', two, { ...one, generation: 'g0' }), false);
      assert.equal(await get().writePoolName(space, 'ci', two, one), true);
      assert.equal(await get().writePoolName(space, 'ci', two, one), true);
      assert.deepEqual(await get().readPoolName(space, 4, 'ci'), two);
      assert.equal(await get().readPoolName(space, 6, 'ci'), undefined);
    });
  });
}
