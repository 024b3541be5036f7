/** Operators view a space and change it while networks live in it, on a real engine. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { LEASE_MS } from '../../../../functions/ipam/host.ts';
import { fenceHost } from '../../../../functions/ipam/hosts/fence.ts';
import { DEFAULT_SPACE } from '../../../../functions/ipam/space.ts';
import { type SpaceChange, changeSpace, showSpace } from '../../../../functions/ipam/spaces/change.ts';
import type { SpacePatch } from '../../../../functions/ipam/spaces/settings.ts';
import type { Store } from '../../../../functions/ipam/store.ts';
import { formatCidr } from '../../../../protocol/address.ts';
import { type EngineStore, engineStore } from '../../../support/engine-store.ts';
import { type Fleet, Host, refused } from '../../../support/fleet.ts';
import { testWorld } from '../../../support/world.ts';

const HOUR = 3_600_000;

let engine: EngineStore;
let spaces = 0;
before(async () => {
  engine = await engineStore();
});
after(() => engine.close());

/** A space of its own, and a host with its networks there. */
function stage(store: Store = engine.store) {
  const space = `s${++spaces}`;
  const deps: Fleet = { store, world: testWorld({ seed: spaces }) };
  const host = new Host(deps, `h${spaces}`);
  const set = (patch: SpacePatch, how: Partial<SpaceChange> = {}) =>
    changeSpace(deps, { space, patch, ifRev: undefined, force: false, ...how });
  return {
    space,
    deps,
    set,
    hostId: `h${spaces}`,
    pool: (pool = '') => host.pool({ space, pool }),
    pool6: () => host.pool({ space, v6: true }),
    show: () => showSpace(deps, space),
    register: () => host.register(),
  };
}

const texts = (cidrs: readonly Parameters<typeof formatCidr>[0][]): string[] => cidrs.map(formatCidr);

describe('a space', () => {
  it('that was never set has the defaults', async () => {
    const { show } = stage();
    const { config, rev, settings } = await show();
    assert.deepEqual([config, rev, settings], [DEFAULT_SPACE, undefined, {}]);
  });

  it('shows how many pools it holds', async () => {
    const { show, pool, pool6 } = stage();
    await pool();
    await pool();
    await pool6();
    assert.deepEqual((await show()).held, { 4: { count: 2, isAll: true }, 6: { count: 1, isAll: true } });
  });
});

describe('a change of a space', () => {
  it('sets what it names, keeps the rest, and applies to later requests', async () => {
    const { set, pool, show } = stage();
    await set({ ranges: ['10.64.3.77/16'], size4: 26, cooldown: 5_000 });
    const { config, warnings } = await set({ size4: 27, maxPools: 9 });
    assert.deepEqual(texts(config.ranges), ['10.64.0.0/16']);
    assert.deepEqual([config.size[4], config.size[6], config.cooldown, config.maxPools], [27, 64, 5_000, 9]);
    assert.deepEqual(warnings, []);
    assert.deepEqual((await show()).config, config);
    assert.match((await pool()).pool, /^10\.64\..*\/27$/);
  });

  it('resets a setting to its default, and leaves the others', async () => {
    const { set, show } = stage();
    await set({ size4: 26, size6: 80, maxPools: 9, excluded: ['10.0.0.0/8'] });
    await set({ size4: null, maxPools: null });
    const { config } = await show();
    assert.deepEqual(
      [config.size, config.maxPools, texts(config.excluded)],
      [{ 4: 24, 6: 80 }, undefined, ['10.0.0.0/8']],
    );
  });

  const bad: readonly (readonly [what: string, patch: SpacePatch, words: RegExp])[] = [
    [
      'a range that is not a prefix',
      { ranges: ['10.0.0.0'] },
      /^bad value "10.0.0.0" for range: give prefixes such as/,
    ],
    ['an exclusion that is not a prefix', { excluded: ['x/8'] }, /^bad value "x\/8" for exclude: /],
    [
      'too many exclusions',
      { excluded: Array.from({ length: 129 }, (_, i) => `10.0.${i}.0/24`) },
      /129 prefixes .*at most 128/,
    ],
    ['a size of zero', { size4: 0 }, /^bad value 0 for size4: give a whole number from 1 to 32$/],
    ['a size beyond IPv6', { size6: 129 }, /^bad value 129 for size6/],
    ['a fractional size', { size4: 24.5 }, /^bad value 24.5 for size4/],
    ['no cool-down', { cooldown: 0 }, /^bad value 0ms for cooldown: give a time from 2s to 1d$/],
    ['a cool-down shorter than clocks can differ', { cooldown: 1_999 }, /^bad value 1999ms for cooldown/],
    ['a time to forget of zero', { forgetAfter: 0 }, /^bad value 0ms for forget-after: give a time from 1m to 365d$/],
    ['a negative limit', { maxPools: -1 }, /^bad value -1 for max-pools: give a whole number from 0 to 10000$/],
    [
      'managers in a space where no manager plans',
      { managers: ['m1'] },
      /^the managers of a swarm use space \w+\.global, not \w+; use berth space set/,
    ],
    [
      'a manager that cannot be a host id',
      { managers: ['m 1'] },
      /^bad value "m 1" for managers: give the ids of hosts/,
    ],
    ['a limit too large to count', { maxNetworksPerHost: 1_001 }, /^bad value 1001 for max-networks-per-host/],
    ['nothing', {}, /^there is nothing to change; name a setting$/],
    [
      'ranges that overlap',
      { ranges: ['10.0.0.0/8', 'fd00::/8', '10.1.0.0/16'] },
      /^ranges 10.0.0.0\/8 and 10.1.0.0\/16 overlap/,
    ],
    [
      'a range too small for a pool',
      { ranges: ['10.0.0.0/25'] },
      /^range 10.0.0.0\/25 is too small for a pool of \/24; give a wider/,
    ],
    [
      'a size too large for a range',
      { size6: 40 },
      /^range fdbe:5274:6800::\/48 is too small for a pool of \/40; .*size6$/,
    ],
  ];
  for (const [what, patch, words] of bad) {
    it(`to ${what} is refused, and changes nothing`, async () => {
      const { set, deps, space } = stage();
      await refused(set(patch, { force: true }), 'invalid-request', words);
      assert.equal(await deps.store.readSpace(space), undefined);
    });
  }

  it('concurrent with others is not lost', async () => {
    const { set, show } = stage();
    const patches: SpacePatch[] = [{ size4: 26 }, { size6: 80 }, { cooldown: 5_000 }, { maxPools: 9 }];
    await Promise.all(patches.map((patch) => set(patch)));
    const { config } = await show();
    assert.deepEqual([config.size, config.cooldown, config.maxPools], [{ 4: 26, 6: 80 }, 5_000, 9]);
  });

  it('based on an older state is refused when the state has changed since', async () => {
    const { set, show } = stage();
    const { rev } = await set({ excluded: ['10.0.0.0/24'] }, { ifRev: '' });
    await set({ excluded: ['10.0.0.0/24', '10.0.1.0/24'] }, { ifRev: rev });
    const late = set({ excluded: ['10.0.0.0/24', '10.0.2.0/24'] }, { ifRev: rev });
    await refused(late, 'space-changed', /is now at rev \w+; look at it again/);
    await refused(set({ size4: 26 }, { ifRev: '' }), 'space-changed', /is now at rev/);
    assert.deepEqual(texts((await show()).config.excluded), ['10.0.0.0/24', '10.0.1.0/24']);
  });

  it('fails with a clear error when other changes always come first', async () => {
    const store: Store = { ...engine.store, writeSpace: () => Promise.resolve(undefined) };
    await refused(stage(store).set({ size4: 26 }), 'busy', /is being changed by others; try again/);
  });
});

describe('an exclusion', () => {
  for (const [what, held, excluded] of [
    ['within it', '10.1.2.0/24', '10.1.0.0/16'],
    ['around it', '10.1.0.0/16', '10.1.2.0/24'],
    ['equal to it', '10.1.2.0/24', '10.1.2.0/24'],
  ] as const) {
    it(`is refused while a pool is held ${what}, which is named, unless it is forced`, async () => {
      const { set, pool, hostId, show } = stage();
      await pool(held);
      const words = new RegExp(
        `^the excluded ${excluded} is partly in use, .*: ${held} \\(created by host ${hostId}\\); .*--force$`,
      );
      await refused(set({ excluded: ['10.9.0.0/16', excluded] }), 'still-held', words);
      assert.deepEqual((await show()).config.excluded, []);
      const { warnings } = await set({ excluded: [excluded] }, { force: true });
      assert.match(warnings.join('\n'), /^the excluded .* is partly in use, and what is used stays/);
      assert.deepEqual(
        (await set({ excluded: [excluded, '10.9.0.0/16'] })).warnings,
        [],
        'what was excluded before is not checked again',
      );
    });
  }

  it('outside all held pools is made', async () => {
    const { set, pool } = stage();
    await pool('10.1.0.0/24');
    await pool('10.1.2.0/24');
    assert.deepEqual((await set({ excluded: ['10.1.1.0/24', '10.2.0.0/16', 'fd00::/16'] })).warnings, []);
  });

  it('over many held pools is refused with a few of them named', async () => {
    const { set, pool } = stage();
    for (let i = 0; i < 5; i++) await pool(`10.1.${i}.0/24`);
    await refused(set({ excluded: ['10.1.0.0/16'] }), 'still-held', /10.1.2.0\/24 \([^)]*\) and more/);
  });

  it('of the whole of the ranges is made, with a warning', async () => {
    const { set } = stage();
    const { warnings } = await set({ ranges: ['10.64.0.0/16'], excluded: ['10.64.0.0/17', '10.64.128.0/17'] });
    assert.deepEqual(warnings, ['the exclusions leave no room in the ranges for an automatic IPv4 pool']);
  });
});

describe('the warning of a change with effects on what is held', () => {
  it('names pools outside the new ranges', async () => {
    const { set, pool, hostId } = stage();
    await set({ ranges: ['10.64.0.0/16', '10.65.0.0/16'] });
    await pool('10.64.1.0/24');
    await pool('10.65.1.0/24');
    const { warnings } = await set({ ranges: ['10.64.0.0/17', '10.66.0.0/16'] });
    assert.deepEqual(warnings, [
      `pools outside the ranges stay until their networks are removed: 10.65.1.0/24 (created by host ${hostId})`,
    ]);
  });

  it('names limits that are exceeded already', async () => {
    const { set, pool } = stage();
    await pool();
    await pool();
    const { warnings } = await set({ maxPools: 1, maxNetworksPerHost: 1 });
    assert.deepEqual(warnings, [
      'the space holds 2 IPv4 pools, more than max-pools: they stay, but no more are created',
      'hosts with more networks than max-networks-per-host keep them, but get no more',
    ]);
    assert.deepEqual((await set({ size4: 25 })).warnings, []);
    assert.deepEqual((await set({ maxPools: 2, maxNetworksPerHost: 2 })).warnings, []);
  });

  it('says that existing pools keep their cool-down', async () => {
    const { set, pool } = stage();
    assert.deepEqual((await set({ cooldown: 5_000 })).warnings, []);
    await pool();
    assert.deepEqual((await set({ cooldown: 6_000 })).warnings, [
      'existing pools keep the cool-down that they were created with',
    ]);
  });

  it('names a time to forget that is shorter than a lease', async () => {
    const { set } = stage();
    const { warnings } = await set({ forgetAfter: 5 * 60_000 });
    assert.match(
      warnings.join('\n'),
      /^a host that is cut off from the functions loses its networks 450s after its last/,
    );
    assert.deepEqual((await set({ forgetAfter: HOUR })).warnings, []);
  });
});

describe('a shorter time to forget', () => {
  async function silentFor(hours: number) {
    const staged = stage();
    const { deps, register, pool, hostId } = staged;
    await register();
    await pool();
    deps.world.advance(LEASE_MS);
    await fenceHost(deps, hostId, deps.world.now() + 1_000);
    deps.world.advance(hours * HOUR);
    return staged;
  }

  it('that frees the networks of a silent host is refused with the host named, unless it is forced', async () => {
    const { set, hostId } = await silentFor(2);
    const words = new RegExp(`frees all that is held by hosts fenced for 2h \\(forget-after\\): ${hostId}; .*--force$`);
    await refused(set({ forgetAfter: 2 * HOUR }), 'still-held', words);
    const { config, warnings } = await set({ forgetAfter: 2 * HOUR }, { force: true });
    assert.equal(config.forgetAfter, 2 * HOUR);
    assert.equal(warnings.length, 1);
  });

  it('is accepted when no host has been silent for that long', async () => {
    const { set } = await silentFor(2);
    assert.deepEqual((await set({ forgetAfter: 2 * HOUR + 1_000 })).warnings, []);
  });

  it('is accepted when the silent host holds nothing in this space', async () => {
    const { deps } = await silentFor(3);
    const { warnings } = await changeSpace(deps, {
      space: `s${++spaces}`,
      patch: { forgetAfter: HOUR },
      ifRev: undefined,
      force: false,
    });
    assert.deepEqual(warnings, []);
  });

  it('is refused when there was no time to check all silent hosts', async () => {
    const { deps, space } = await silentFor(1);
    let steps = 0;
    const world = { ...deps.world, now: () => deps.world.now() + steps };
    const refsOfHost: Store['refsOfHost'] = (...args) => {
      steps += 6_000;
      return deps.store.refsOfHost(...args);
    };
    const slow = { world, store: { ...deps.store, refsOfHost } };
    const change = { space, patch: { forgetAfter: 2 * HOUR }, ifRev: undefined, force: false };
    await refused(changeSpace(slow, change), 'still-held', /others that were not checked in time/);
  });
});
