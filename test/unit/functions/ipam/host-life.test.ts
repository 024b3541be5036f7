import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Host, LEASE_MS, boundPrincipal } from '../../../../functions/ipam/host.ts';
import { type Registration, nextHost, registerHost } from '../../../../functions/ipam/hosts/register.ts';
import type { Store } from '../../../../functions/ipam/store.ts';
import { Host as Machine, OPS as USER, fleet, refused } from '../../../support/fleet.ts';
import { interleaved } from '../../../support/interleaving.ts';
import { ROLE } from '../../../support/principals.ts';

const ALIVE =
  /^another machine has been host web since 2026-01-01T00:00:00\.000Z; if this one was made from a copied disk image/;

/** One id, and machines that claim it. */
function stage() {
  const deps = fleet();
  const machine = new Machine(deps, 'web');
  const register = (incarnation: string | undefined, proposed: string, more: Partial<Registration> = {}) =>
    registerHost(deps, machine.call(), registration(incarnation, proposed, more));
  const host = (): Host => deps.store.hosts.get('web') ?? assert.fail('the host is missing');
  return { deps, machine, register, host };
}

const registration = (
  incarnation: string | undefined,
  proposed: string,
  more: Partial<Registration> = {},
): Registration => ({ principal: USER, incarnation, proposed, shimVersion: '1.0', engineVersion: '', ...more });

describe('a host that registers', () => {
  it('for the first time gets the first epoch, and is stored', async () => {
    const { deps, register, host } = stage();
    const floor = deps.world.now().toString(36).padStart(9, '0');
    const answer = await register(undefined, 'one', { engineVersion: '28.5.2' });
    const told = {
      incarnation: 'one',
      epoch: 1,
      floor,
      isFresh: false,
      state: 'live',
      isWaking: false,
      rivalAt: undefined,
    };
    assert.deepEqual(answer, { ...told, heartbeat: 600_000 });
    const { rev, ...written } = host();
    assert.notEqual(rev, '');
    assert.deepEqual(written, {
      id: 'web',
      incarnation: 'one',
      epoch: 1,
      principal: USER,
      isAdopted: false,
      isAwaited: false,
      machine: {},
      ownEpoch: 0,
      former: '',
      rivalAt: 0,
      since: deps.world.now(),
      lastSeen: deps.world.now(),
      floor,
      isFresh: false,
      shimVersion: '1.0',
      engineVersion: '28.5.2',
      health: undefined,
      state: 'live',
      leaseUntil: deps.world.now() + LEASE_MS,
      fencedAt: undefined,
      why: '',
      changedAt: deps.world.now(),
      refsLag: false,
      heard: [],
      heardAt: 0,
    });
  });

  it('is stored as its shim describes it, and an older shim describes nothing', async () => {
    const { register, host } = stage();
    const health = {
      status: 'failing' as const,
      reason: 'no space',
      waiting: 3,
      deadLetters: 1,
      findings: 2,
      comparedAt: undefined,
      refused: 9,
      lastRefusal: 'full',
    };
    await register(undefined, 'one', { engineVersion: '28.5.2', health });
    await register('one', 'two', { health });
    assert.deepEqual(
      [host().engineVersion, host().health],
      ['28.5.2', health],
      'a shim that starts has not asked Docker',
    );
    await register('two', 'three', { engineVersion: '29.0.0' });
    assert.deepEqual([host().engineVersion, host().health], ['29.0.0', undefined]);
  });

  it('must send six heartbeats while its space remembers it, within bounds, and has a lease of three', async () => {
    for (const [forgetAfter, heartbeat] of [
      [7 * 86_400_000, 600_000],
      [3_600_000, 600_000],
      [600_000, 100_000],
      [60_000, 10_000],
      [1, 10_000],
    ] as const) {
      const { deps, register, host } = stage();
      assert.equal((await register(undefined, 'one', { forgetAfter })).heartbeat, heartbeat);
      assert.equal(host().leaseUntil, deps.world.now() + 3 * heartbeat);
    }
  });

  it('for the first time may bring an incarnation from another table', async () => {
    const { register } = stage();
    assert.equal((await register('elsewhere', 'one')).isFresh, false);
  });

  it('again gets a new incarnation, and keeps its start and its epoch', async () => {
    const { deps, register, host } = stage();
    await register(undefined, 'one');
    deps.store.hosts.set('web', { ...host(), epoch: 4 });
    const since = deps.world.now();
    deps.world.advance(LEASE_MS * 10);
    const answer = await register('one', 'two', { shimVersion: '1.1' });
    assert.deepEqual([answer.incarnation, answer.epoch, answer.isFresh], ['two', 4, false]);
    const { shimVersion, lastSeen } = host();
    assert.deepEqual([host().since, lastSeen, shimVersion], [since, deps.world.now(), '1.1']);
  });

  it('and repeats the call, since the answer was lost, gets the same answer', async () => {
    const { register } = stage();
    await register(undefined, 'one');
    assert.equal((await register(undefined, 'one')).incarnation, 'one');
    await register('one', 'two');
    const { incarnation, isFresh } = await register('one', 'two');
    assert.deepEqual([incarnation, isFresh], ['two', false]);
    assert.equal((await register('two', 'three')).incarnation, 'three');
  });

  it('with an old incarnation is refused while the other machine is alive', async () => {
    const { deps, register } = stage();
    await register(undefined, 'one');
    await register('one', 'two');
    await refused(register('one', 'copy'), 'host-taken', ALIVE);
    deps.world.advance(LEASE_MS - 1);
    await refused(register('one', 'copy'), 'host-taken', ALIVE);
    assert.equal((await register('two', 'three')).incarnation, 'three');
  });

  it('without an incarnation is refused while the host of its id is alive', async () => {
    const { register } = stage();
    await register(undefined, 'one');
    await refused(register(undefined, 'copy'), 'host-taken', ALIVE);
  });

  it('is shown the remedies: an id of its own, or the time when it may take over', async () => {
    const { register } = stage();
    await register(undefined, 'one');
    const words = /with its own --host-id and an empty data folder; .* take its place after 2026-01-01T00:30:00\.000Z$/;
    await refused(register('x', 'copy'), 'host-taken', words);
  });

  it('takes over from a host that was silent for a lease, and must forget what its own disk holds', async () => {
    const { deps, register, host } = stage();
    await register(undefined, 'one');
    deps.store.hosts.set('web', { ...host(), epoch: 3 });
    deps.world.advance(LEASE_MS);
    const answer = await register(undefined, 'reborn');
    assert.deepEqual([answer.incarnation, answer.epoch, answer.isFresh], ['reborn', 4, true]);
    assert.deepEqual([host().since, host().ownEpoch, host().former], [deps.world.now(), 4, 'asleep']);
    await refused(register('one', 'back'), 'host-taken', /^another machine has been host web since 2026-01-01T00:30/);
  });

  it('must forget also when the first answer was lost, but not when it registers again', async () => {
    const { deps, register } = stage();
    await register(undefined, 'one');
    deps.world.advance(LEASE_MS);
    await register(undefined, 'reborn');
    assert.equal((await register(undefined, 'reborn')).isFresh, true);
    assert.equal((await register('reborn', 'next')).isFresh, false);
  });

  it('keeps its id for a lease after it was last seen', async () => {
    const { deps, register } = stage();
    await register(undefined, 'one');
    deps.world.advance(LEASE_MS - 1);
    await register('one', 'two');
    deps.world.advance(LEASE_MS - 1);
    await refused(register('one', 'copy'), 'host-taken', ALIVE);
  });
});

describe('the floor of the sequences of a host', () => {
  it('is the highest sequence seen, and never falls', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 36 ** 6 }), { minLength: 1 }), (sequences) => {
        let host: Host | undefined;
        for (const sequence of sequences) {
          const call = { hostId: 'web', requestKey: `${sequence.toString(36).padStart(9, '0')}abcd` };
          host = { ...nextHost(host, call, registration('same', 'same'), { now: 0 }), rev: '' };
        }
        assert.equal(
          host?.floor,
          Math.max(...sequences)
            .toString(36)
            .padStart(9, '0'),
        );
      }),
    );
  });
});

describe('the principal of a host', () => {
  const registered = async (first: string, then: string): Promise<void> => {
    const { register, host } = stage();
    await register(undefined, 'one', { principal: first });
    await register('one', 'two', { principal: then });
    assert.equal(host().principal, first);
  };

  it('is the principal that signed first: a user, or a role in any session', async () => {
    await registered(USER, USER);
    await registered(`${ROLE}/monday`, `${ROLE}/tuesday`);
    await registered(`${ROLE}/i-0123456789abcdef0`, `${ROLE}/i-0123456789abcdef0`);
  });

  const strangers: readonly (readonly [what: string, first: string, then: string])[] = [
    ['another user', USER, 'arn:aws:iam::123456789012:user/eve'],
    ['a user of another account', USER, USER.replace('123456789012', '210987654321')],
    ['another role', `${ROLE}/s`, `${ROLE}-2/s`],
    ['the same role of another account', `${ROLE}/s`, `${ROLE.replace('123456789012', '210987654321')}/s`],
    ['another EC2 instance of the role', `${ROLE}/i-0123456789abcdef0`, `${ROLE}/i-0123456789abcdef1`],
    ['a session of the role on no EC2 instance', `${ROLE}/i-0123456789abcdef0`, `${ROLE}/eve`],
    ['an EC2 instance of a role that was on none', `${ROLE}/s`, `${ROLE}/i-0123456789abcdef0`],
  ];
  for (const [what, first, then] of strangers) {
    it(`cannot become ${what}, not even after the lease; the error names both`, async () => {
      const { deps, register } = stage();
      await register(undefined, 'one', { principal: first });
      const { hosts } = deps.store;
      const before = new Map(hosts);
      for (const incarnation of ['one', undefined]) {
        await assert.rejects(register(incarnation, 'two', { principal: then }), {
          code: 'foreign-host',
          message:
            `host web is bound to ${boundPrincipal(first)}, but this call is signed by ${boundPrincipal(then)}; ` +
            'sign with the credentials of the former, or give this machine its own id with --host-id',
        });
        deps.world.advance(LEASE_MS);
      }
      assert.deepEqual(hosts, before);
    });
  }

  it('includes the instance where EC2 named the session, in each partition', () => {
    assert.equal(boundPrincipal(`${ROLE}/s`), ROLE);
    assert.equal(boundPrincipal(`${ROLE}/i-01234567`), `${ROLE}/i-01234567`);
    assert.equal(boundPrincipal(`${ROLE}/i-0123456`), ROLE);
    const china = 'arn:aws-cn:sts::123456789012:assumed-role/berth-host';
    assert.equal(boundPrincipal(`${china}/s`), china);
    assert.equal(
      boundPrincipal('arn:aws:sts::123456789012:federated-user/s'),
      'arn:aws:sts::123456789012:federated-user/s',
    );
  });
});

describe('machines that register as one host at the same moment', () => {
  /** Each registers with a nonce of its own. @returns those that succeeded. */
  async function race(store: Store, deps: ReturnType<typeof fleet>, incarnation: string | undefined) {
    const proposals = ['a', 'b', 'c', 'd'];
    const results = await Promise.allSettled(
      proposals.map((proposed) =>
        registerHost({ ...deps, store }, new Machine(deps, 'web').call(), registration(incarnation, proposed)),
      ),
    );
    return proposals.filter((_, i) => results[i]?.status === 'fulfilled');
  }

  for (const [what, incarnation, age] of [
    ['for the first time', undefined, undefined],
    ['from copies of one disk', 'one', 0],
    ['after the host before them was lost', undefined, LEASE_MS],
  ] as const) {
    it(`${what}: one of them becomes the host, whatever the order of their steps`, async () => {
      for (let seed = 0; seed < 100; seed++) {
        const { deps, register, host } = stage();
        if (age !== undefined) {
          await register(undefined, 'one');
          deps.world.advance(age);
        }
        const through = await race(
          interleaved(deps.store, seed, () => undefined),
          deps,
          incarnation,
        );
        assert.deepEqual(through, [host().incarnation]);
      }
    });
  }

  it('again and again make a call give up in the end', async () => {
    const { deps, machine, register } = stage();
    await register(undefined, 'one');
    let tries = 0;
    deps.store.writeHost = () => {
      tries++;
      return Promise.resolve(undefined);
    };
    const again = registerHost(deps, machine.call(), registration('one', 'two'));
    await refused(again, 'busy', /^host web is being registered by several processes at once; try again$/);
    assert.equal(tries, 8);
  });
});
