/** What operators undo about a host: a drain, and its binding to a machine. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LEASE_MS } from '../../../../functions/ipam/host.ts';
import { BINDING_LIFETIME_MS, Bindings } from '../../../../functions/ipam/hosts/binding.ts';
import { fenceHost } from '../../../../functions/ipam/hosts/fence.ts';
import { reportDeath, reportDrain, reportInstance } from '../../../../functions/ipam/hosts/host-events.ts';
import { adoptHost, resumeHost } from '../../../../functions/ipam/hosts/operator-actions.ts';
import { refused, lone, MAC } from '../../../support/fleet.ts';
import { ROLE } from '../../../support/principals.ts';

const [OLD, NEW] = ['i-0123456789abcdef0', 'i-0fedcba9876543210'];

/** An instance with two networks and a lease. */
async function stage() {
  const { deps, host } = lone(OLD);
  const register = (session: string, incarnation: string | undefined, proposed: string) =>
    host.register({ principal: `${ROLE}/${session}`, incarnation, proposed });
  await register(OLD, undefined, 'one');
  const net = await host.pool({ pool: '10.1.0.0/24' });
  await host.pool({ pool: '10.2.0.0/24' });
  const address = await host.address(net, '', MAC);
  const item = () => deps.store.hosts.get(OLD) ?? assert.fail('the host is missing');
  const states = () => [...deps.store.refs.values()].map(({ state, epoch }) => `${state} ${epoch}`);
  const fence = async (): Promise<void> => {
    deps.world.advance(LEASE_MS);
    await fenceHost(deps, OLD, Infinity);
  };
  return { deps, host, net, address, register, item, states, fence };
}

describe('a drain that is lifted', () => {
  it('leaves the host and its networks live, in an epoch that the host learns by registering', async () => {
    const { deps, host, net, register, item, states } = await stage();
    await reportDrain(deps, OLD, 'soon');
    assert.deepEqual(states(), ['draining 1', 'draining 1']);
    assert.equal(await resumeHost(deps, OLD), 'done');
    assert.deepEqual([item().state, item().epoch, item().why, item().refsLag], ['live', 2, '', true]);
    assert.deepEqual(states(), ['live 2', 'live 2']);
    await refused(host.address(net, ''), 'host-fenced', /until it registers again/);
    const { epoch } = await register(OLD, 'one', 'two');
    await host.address(net, '', {}, host.call({ epoch }));
    await host.pool({ pool: '10.3.0.0/24' }, host.call({ epoch }));
  });

  it('takes effect once, however often it is requested, and again after a new drain', async () => {
    const { deps, item, states } = await stage();
    for (const epoch of [2, 3]) {
      await reportDrain(deps, OLD, 'soon');
      for (let i = 0; i < 3; i++) assert.equal(await resumeHost(deps, OLD), 'done');
      assert.equal(item().epoch, epoch);
      assert.deepEqual(states(), [`live ${epoch}`, `live ${epoch}`]);
    }
  });

  it('wakes all networks, even more than one step can', async () => {
    const { deps, host, states } = await stage();
    for (let i = 0; i < 100; i++) await host.pool();
    await reportDrain(deps, OLD, 'soon');
    await resumeHost(deps, OLD);
    assert.deepEqual(new Set(states()), new Set(['live 2']));
  });

  for (const state of ['fenced', 'dead'] as const) {
    it(`does nothing where the host is ${state}, and the error names the remedy`, async () => {
      const { deps, item, states, fence } = await stage();
      if (state === 'fenced') await fence();
      else await reportDeath(deps, OLD, 'gone');
      const before = [item(), states()];
      await refused(resumeHost(deps, OLD), 'host-state', new RegExp(`is ${state}, not draining; .* berth host adopt`));
      assert.deepEqual([item(), states()], before);
    });
  }

  it('does nothing for an unknown host', async () => {
    const { deps } = await stage();
    assert.equal(await resumeHost(deps, 'nobody'), 'unknown');
    assert.equal(await adoptHost(deps, 'nobody', `${ROLE}/${NEW}`), 'unknown');
  });
});

describe('a host that is adopted', () => {
  for (const [what, incarnation, isFresh] of [
    ['with the disk of the former machine: its journal counts', 'one', false],
    ['with an old image of the disk: its journal is void', 'zero', true],
    ['with an empty disk', undefined, true],
  ] as const) {
    it(`becomes the next machine that registers, ${what}; its networks wake`, async () => {
      const { deps, host, net, address, register, item, states, fence } = await stage();
      await fence();
      assert.equal(await adoptHost(deps, OLD, `${ROLE}/${NEW}`), 'done');
      deps.world.advance(BINDING_LIFETIME_MS);
      assert.deepEqual(states(), ['dormant 1', 'dormant 1']);
      const told = await register(NEW, incarnation, 'new');
      assert.deepEqual([told.isFresh, told.state, told.epoch], [isFresh, 'live', 2]);
      assert.deepEqual([item().principal, item().isAdopted], [`${ROLE}/${NEW}`, true]);
      assert.deepEqual(states(), ['live 2', 'live 2']);
      const call = () => host.call({ epoch: told.epoch });
      await host.address(net, '', {}, call());
      assert.equal(await host.release(net, address, call()), 'freed');
      await refused(register(OLD, 'one', 'back'), 'foreign-host', /is bound to .*i-0fedcba9876543210/);
    });
  }

  it('becomes only the machine that was named, even if another registers first', async () => {
    const { deps, host, net, register, item, states, fence } = await stage();
    await fence();
    await adoptHost(deps, OLD, `${ROLE}/${NEW}`);
    deps.world.advance(BINDING_LIFETIME_MS);
    const before = [item(), states()];
    for (const [session, incarnation] of [
      ['i-0bad0bad0bad0bad0', undefined],
      [OLD, 'one'],
      ['mallory', 'one'],
    ] as const) {
      await refused(register(session, incarnation, 'stranger'), 'foreign-host', /is bound to .*i-0fedcba9876543210/);
    }
    const bindings = new Bindings(deps);
    for (const session of [OLD, NEW]) {
      await refused(bindings.check(host.call(), `${ROLE}/${session}`), 'host-unknown', /is not registered/);
    }
    assert.deepEqual([item(), states()], before);
    const { epoch } = await register(NEW, undefined, 'new');
    await host.address(net, '', {}, host.call({ epoch }));
  });

  it('becomes any session of a role that is named without a session, but no EC2 instance of that role', async () => {
    const { deps, register, fence } = await stage();
    await fence();
    await adoptHost(deps, OLD, ROLE);
    deps.world.advance(BINDING_LIFETIME_MS);
    await refused(register(NEW, undefined, 'new'), 'foreign-host', /is bound to .*berth-host,/);
    assert.equal((await register('deploy-7', undefined, 'new')).state, 'live');
  });

  for (const [what, principal] of [
    ['nobody, as an earlier version of the program puts it', undefined],
    ['a role, whose sessions sign', 'arn:aws:iam::123456789012:role/berth-host'],
    ['everyone', '*'],
    ['everyone in an account', 'arn:aws:iam::123456789012:user/'],
    ['the id of an instance alone', NEW],
    ['nothing', ''],
  ] as const) {
    it(`cannot be adopted for ${what}: the error says what to give`, async () => {
      const { deps, item, fence } = await stage();
      await fence();
      const before = item();
      await refused(
        adoptHost(deps, OLD, principal),
        'invalid-request',
        /berth host adopt i-0123456789abcdef0 --principal ARN/,
      );
      assert.deepEqual(item(), before);
    });
  }

  it('can be given another principal before it has registered', async () => {
    const { deps, register, fence } = await stage();
    await fence();
    await adoptHost(deps, OLD, `${ROLE}/i-0bad0bad0bad0bad0`);
    await adoptHost(deps, OLD, `${ROLE}/${NEW}`);
    deps.world.advance(BINDING_LIFETIME_MS);
    await refused(register('i-0bad0bad0bad0bad0', undefined, 'bad'), 'foreign-host', /is bound to/);
    assert.equal((await register(NEW, undefined, 'new')).state, 'live');
  });

  it('stays closed where an earlier version left it open to any machine, until an operator names one', async () => {
    const { deps, register, item, fence } = await stage();
    await fence();
    deps.store.hosts.set(OLD, { ...item(), principal: '', isAdopted: true });
    deps.world.advance(BINDING_LIFETIME_MS);
    await refused(
      register(NEW, undefined, 'new'),
      'foreign-host',
      /earlier version of Berth.* berth host adopt i-0123/,
    );
    await adoptHost(deps, OLD, `${ROLE}/${NEW}`);
    assert.equal((await register(NEW, undefined, 'new')).state, 'live');
  });

  it('can stay the former machine, when that is named', async () => {
    const { deps, register, item, fence } = await stage();
    await fence();
    await adoptHost(deps, OLD, `${ROLE}/${OLD}`);
    deps.world.advance(BINDING_LIFETIME_MS);
    assert.equal((await register(OLD, 'one', 'two')).isFresh, false);
    assert.deepEqual([item().principal, item().isAdopted], [`${ROLE}/${OLD}`, false]);
    await refused(register(NEW, undefined, 'new'), 'foreign-host', /is bound to/);
  });

  it('may have been dead: it is live again, and holds nothing', async () => {
    const { deps, host, net, register } = await stage();
    await reportDeath(deps, OLD, 'gone');
    await adoptHost(deps, OLD, `${ROLE}/${NEW}`);
    deps.world.advance(BINDING_LIFETIME_MS);
    const { epoch } = await register(NEW, undefined, 'new');
    await refused(host.address(net, '', {}, host.call({ epoch })), 'pool-gone', /was released/);
    await host.pool({}, host.call({ epoch }));
  });

  it('is adopted once, however often it is requested', async () => {
    const { deps, item, fence } = await stage();
    await fence();
    await adoptHost(deps, OLD, `${ROLE}/${NEW}`);
    const first = item();
    assert.equal(await adoptHost(deps, OLD, `${ROLE}/${NEW}`), 'done');
    assert.deepEqual(item(), first);
  });

  for (const state of ['live', 'draining'] as const) {
    it(`cannot be ${state}: nothing changes, and the error says what to do first`, async () => {
      const { deps, item, states } = await stage();
      if (state === 'draining') await reportDrain(deps, OLD, 'soon');
      const before = [item(), states()];
      const words = new RegExp(
        `is ${state}, .* it is fenced \\(after 2026-01-01T00:30:00\\.000Z\\), .* berth host dead i-0`,
      );
      await refused(adoptHost(deps, OLD, `${ROLE}/${NEW}`), 'host-state', words);
      assert.deepEqual([item(), states()], before);
    });
  }
});

describe('an event of EC2 about an instance', () => {
  it("applies to the host that has the instance's id", async () => {
    const { deps, item } = await stage();
    assert.equal(
      await reportInstance(deps, OLD, { why: 'EC2: shutting-down', says: reportDrain, deadline: Infinity }),
      'done',
    );
    assert.equal(item().state, 'draining');
    assert.equal(
      await reportInstance(deps, OLD, { why: 'EC2: terminated', says: reportDeath, deadline: Infinity }),
      'done',
    );
    assert.equal(item().state, 'dead');
    assert.equal(
      await reportInstance(deps, NEW, { why: 'EC2: terminated', says: reportDeath, deadline: Infinity }),
      'unknown',
    );
  });

  it('does not apply to another machine that was adopted as that host', async () => {
    const { deps, register, item, states, fence } = await stage();
    await fence();
    await adoptHost(deps, OLD, `${ROLE}/${NEW}`);
    assert.equal(
      await reportInstance(deps, OLD, { why: 'EC2: terminated', says: reportDeath, deadline: Infinity }),
      'unknown',
    );
    assert.equal(item().state, 'fenced');
    deps.world.advance(BINDING_LIFETIME_MS);
    await register(NEW, 'one', 'new');
    for (const says of [reportDeath, reportDrain]) {
      assert.equal(await reportInstance(deps, OLD, { why: 'EC2: terminated', says, deadline: Infinity }), 'unknown');
      assert.deepEqual([item().state, ...states()], ['live', 'live 2', 'live 2']);
    }
    assert.equal(await reportDeath(deps, OLD, 'an operator says so'), 'done');
    assert.equal(item().state, 'dead');
  });
});
