/** Which principals may act as a host. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Host, LEASE_MS, sessionOf } from '../../../../functions/ipam/host.ts';
import { BINDING_LIFETIME_MS, Bindings, HINT_LIFETIME_MS } from '../../../../functions/ipam/hosts/binding.ts';
import { fenceHost } from '../../../../functions/ipam/hosts/fence.ts';
import { Refusal } from '../../../../functions/ipam/refusal.ts';
import { isInstanceId } from '../../../../protocol/ids.ts';
import { Host as Machine, OPS as USER, fleet, refused } from '../../../support/fleet.ts';
import { ROLE } from '../../../support/principals.ts';

const [ONE, OTHER] = ['i-0123456789abcdef0', 'i-0fedcba9876543210'];
const EVE = 'arn:aws:iam::123456789012:user/eve';

/** One function, and hosts that register with it. */
function stage() {
  const deps = fleet();
  const reads: string[] = [];
  const readHost = deps.store.readHost;
  deps.store.readHost = (id) => {
    reads.push(id);
    return readHost(id);
  };
  const register = async (id: string, principal: string, incarnation?: string) => {
    await new Machine(deps, id).register({ principal, incarnation, proposed: `${id}-nonce` });
    reads.length = 0;
  };
  const change = (id: string, part: Partial<Host>): void => {
    deps.store.hosts.set(id, { ...(deps.store.hosts.get(id) ?? assert.fail('no host')), ...part });
  };
  const bindings = new Bindings(deps);
  return {
    deps,
    reads,
    register,
    change,
    check: (id: string, who: string) => bindings.check({ hostId: id, epoch: 1 }, who),
  };
}

describe('a call on behalf of a host', () => {
  it('is accepted when the principal that registered the host has signed it, in any session of a role', async () => {
    const { register, check } = stage();
    await register('web', `${ROLE}/monday`);
    await check('web', `${ROLE}/monday`);
    await check('web', `${ROLE}/tuesday`);
  });

  for (const [what, bound, signer] of [
    ['another user', USER, EVE],
    ['another instance of the role', `${ROLE}/${ONE}`, `${ROLE}/${OTHER}`],
    ['a session of the role on no instance', `${ROLE}/${ONE}`, `${ROLE}/eve`],
    ['another role', `${ROLE}/s`, `${ROLE}-2/s`],
    ['the same user of another account', USER, USER.replace('123456789012', '210987654321')],
  ] as const) {
    it(`is refused when ${what} has signed it, even right after a call that was accepted`, async () => {
      const { register, check } = stage();
      await register('web', bound);
      const refusal = (): Promise<void> => refused(check('web', signer), 'foreign-host', /^host web is bound to /);
      await refusal();
      await check('web', bound);
      await refusal();
      await check('web', bound);
    });
  }

  it('is refused with the principal that the host is bound to, for the log', async () => {
    const { register, check } = stage();
    await register('web', `${ROLE}/monday`);
    await assert.rejects(check('web', EVE), (error) => error instanceof Refusal && error.details['bound'] === ROLE);
  });

  it('is refused when the host is not registered, so that it registers first', async () => {
    const { check, register } = stage();
    await refused(check('web', USER), 'host-unknown', /^host web is not registered/);
    await register('web', USER);
    await check('web', USER);
  });
});

describe('a principal that was accepted', () => {
  it('is not looked up again for five minutes by the same function', async () => {
    const { deps, reads, register, check } = stage();
    await register('web', USER);
    await check('web', USER);
    assert.deepEqual(reads, ['web']);
    deps.world.advance(HINT_LIFETIME_MS - 1);
    await check('web', USER);
    assert.deepEqual(reads, ['web']);
    deps.world.advance(1);
    await check('web', USER);
    assert.deepEqual(reads, ['web', 'web']);
  });

  it('is not forgotten when another principal tries', async () => {
    const { reads, register, check } = stage();
    await register('web', USER);
    await check('web', USER);
    await refused(check('web', EVE), 'foreign-host', /bound/);
    assert.deepEqual(reads, ['web', 'web']);
    await check('web', USER);
    assert.deepEqual(reads, ['web', 'web']);
  });

  it('is looked up each time while the host is fenced or dead, since it may be adopted then', async () => {
    for (const state of ['fenced', 'dead'] as const) {
      const { reads, register, change, check } = stage();
      await register('web', USER);
      change('web', { state });
      await check('web', USER);
      await check('web', USER);
      assert.deepEqual(reads, ['web', 'web']);
    }
  });

  it('is refused at once when the host has since been bound to another', async () => {
    const { register, change, check } = stage();
    await register('web', USER);
    await check('web', USER);
    change('web', { principal: EVE });
    await check('web', EVE);
    await refused(check('web', USER), 'foreign-host', /bound to .*eve/);
  });

  it('is remembered for a bounded number of hosts, and the oldest is forgotten first', async () => {
    const { deps, reads, register, change, check } = stage();
    await register('web', USER);
    await check('web', USER);
    const template = deps.store.hosts.get('web') ?? assert.fail('no host');
    for (let i = 0; i < 10_000; i++) deps.store.hosts.set(`h${i}`, { ...template, id: `h${i}` });
    for (let i = 0; i < 9_999; i++) await check(`h${i}`, USER);
    reads.length = 0;
    await check('web', USER);
    assert.deepEqual(reads, []);
    await check('h9999', USER);
    await check('web', USER);
    assert.deepEqual(reads, ['h9999', 'web']);
    change('web', { principal: EVE });
  });
});

describe('a host that is adopted', () => {
  /** The host was live and known to a function when it fell silent; then an operator adopts another machine as this host. */
  async function adopted() {
    const made = stage();
    const { deps, register, change, check } = made;
    await register('web', USER);
    deps.world.advance(LEASE_MS);
    await check('web', USER);
    await fenceHost(deps, 'web', Infinity);
    change('web', { principal: EVE, isAdopted: true, isAwaited: true });
    return made;
  }

  it('accepts no principal until it registers', async () => {
    const { deps, check } = await adopted();
    deps.world.advance(HINT_LIFETIME_MS);
    for (const who of [USER, EVE]) await refused(check('web', who), 'host-unknown', /is not registered/);
  });

  it('cannot register as another machine before every function has forgotten the former principal', async () => {
    const { deps, register, check } = await adopted();
    await check('web', USER);
    deps.world.advance(BINDING_LIFETIME_MS - 1);
    await refused(
      register('web', EVE),
      'busy',
      /^host web was adopted, and calls of .* until 2026-01-01T00:36:00\.000Z; this machine/,
    );
    await refused(check('web', USER), 'host-unknown', /is not registered/);
    deps.world.advance(1);
    await register('web', EVE);
    await check('web', EVE);
    await refused(check('web', USER), 'foreign-host', /^host web is bound to .*eve, but this call is signed by .*ops/);
    await refused(register('web', USER), 'foreign-host', /bound to .*eve/);
  });
});

describe('the id of an instance', () => {
  for (const [what, principal] of [
    ['another instance', `${ROLE}/${OTHER}`],
    ['a session of the role with another name', `${ROLE}/eve`],
    ['an instance of another role with another name', `${ROLE}-2/${OTHER}`],
  ] as const) {
    it(`cannot be registered first by ${what}`, async () => {
      const { deps, register } = stage();
      const words = new RegExp(`^${ONE} is the id of an EC2 instance, but this call is signed by ${principal}`);
      await refused(register(ONE, principal), 'foreign-host', words);
      assert.equal(deps.store.hosts.size, 0);
    });
  }

  it('can be registered by its own session, and by a user, who has no session', async () => {
    for (const principal of [`${ROLE}/${ONE}`, USER, 'arn:aws:iam::123456789012:root']) {
      const { register, check } = stage();
      await register(ONE, principal);
      await check(ONE, principal);
    }
  });

  it('has 8 or 17 digits: an instance may register any other id', async () => {
    for (const id of ['web', 'i-am-a-name', 'i-0123456', 'i-0123456789ABCDEF0', `${ONE}0`]) {
      assert.ok(!isInstanceId(id));
      const { register } = stage();
      await register(id, `${ROLE}/${ONE}`);
    }
  });

  it('is found only in the session of a role', () => {
    assert.equal(sessionOf(`${ROLE}/${ONE}`), ONE);
    assert.equal(sessionOf(`${ROLE}/a/b`), 'a/b');
    for (const arn of [USER, '', 'arn:aws:sts::123456789012:federated-user/s']) assert.equal(sessionOf(arn), undefined);
  });
});
