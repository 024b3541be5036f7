/** Three hosts with real Docker engines on one LAN, one cloud and one macvlan subnet, and all that may happen to them. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { limit } from '../../support/deadlines.ts';
import { whyNotReady } from '../engine/support/engines.ts';
import { heldInTable } from '../engine/support/holdings.ts';
import { Churn } from './support/churn.ts';
import { EngineFleet, heldByAll } from './support/engine-fleet.ts';
import { type Resident, answersFor, assertAllPing, assertOneAnswerEach, moveIn } from './support/lan-check.ts';
import { Ledger } from './support/ledger.ts';

const MACVLAN = ['network', 'create', '-d', 'macvlan', '-o', 'parent=up0'];
const SUBNET = ['--subnet', '10.90.0.0/27', '--gateway', '10.90.0.1'];
/** Short, so that addresses change hands often. */
const BERTH = ['--ipam-driver', 'berth', '--ipam-opt', 'berth.cooldown=2s'];
const EACH = ['one', 'two', 'three'];
/** Containers that start on a host between two disasters. */
const QUIET = 3;

const reasons = await Promise.all((['29', '28', '20.10'] as const).map(whyNotReady));
const skip = reasons.find((reason) => reason !== false) ?? false;

describe('three hosts on one LAN and one cloud', { skip, timeout: limit(240_000) }, () => {
  let fleet: EngineFleet;

  before(async () => {
    // Different engines: a fleet is never upgraded in one go.
    fleet = await EngineFleet.start({ red: '28', green: '29', blue: '20.10' });
  });

  after(() => fleet.stop());

  const onEach = (...command: string[]) => Promise.all(fleet.members.map(({ host }) => host.docker(...command)));

  async function moveInAt(network: string, names: readonly string[]): Promise<Resident[]> {
    const each = fleet.members.map(async (member) => {
      const residents: Resident[] = [];
      for (const name of names) residents.push(await moveIn(member, name, network));
      return residents;
    });
    return (await Promise.all(each)).flat();
  }

  it("share addresses with Docker's own allocator, which ledger and LAN both show", async () => {
    await onEach(...MACVLAN, ...SUBNET, 'own');
    const ledger = new Ledger(() => performance.now());
    const residents = await moveInAt('own', ['one']);
    for (const { host, container, ip } of residents) ledger.moveIn(host.name, container, ip);
    assert.equal(ledger.heldTwice().length, 3);
    const probe = await moveIn(fleet.member('blue'), 'probe', 'own');
    const macs = residents.map(({ mac }) => mac).toSorted();
    assert.deepEqual((await answersFor(probe, residents[0]?.ip ?? '')).toSorted(), macs);
    await onEach('rm', '-f', 'one');
    await probe.host.docker('rm', '-f', 'probe');
    await onEach('network', 'rm', 'own');
  });

  it('give each container its own address, for which only it answers, and all reach each other', async () => {
    await onEach(...MACVLAN, ...SUBNET, ...BERTH, 'shared');
    const residents = await moveInAt('shared', EACH);
    assert.equal(new Set(residents.map(({ ip }) => ip)).size, fleet.members.length * EACH.length);
    await assertAllPing(residents);
    await assertOneAnswerEach(residents);
    await onEach('rm', '-f', ...EACH);
  });

  it('never give an address to two containers, whatever happens to them, and in the end the table equals Docker', async (t) => {
    const ledger = new Ledger(() => performance.now());
    const [red, green, blue] = fleet.members.map((member) => new Churn(member, 'shared', ledger));
    assert.ok(red !== undefined && green !== undefined && blue !== undefined);
    const churns = [red, green, blue];
    t.after(() => Promise.all(churns.map((churn) => churn.end())));
    const allGoOn = () => Promise.all(churns.map((churn) => churn.untilMore(QUIET)));
    await allGoOn();

    await fleet.member('red').killShim();
    await green.untilMore(QUIET);
    await fleet.member('red').startShim();
    await allGoOn();

    await fleet.cloud.crash();
    await Promise.all(churns.map((churn) => churn.untilFailed()));
    await fleet.cloud.comeBack();
    await allGoOn();

    // Only a comparison with Docker finds what dockerd got but had not yet stored when it was killed.
    await fleet.member('green').crash();
    ledger.allOut('green');
    await red.untilMore(QUIET);
    await fleet.member('green').comeUp();
    await allGoOn();

    await fleet.member('blue').cutOff();
    await Promise.all([blue.untilFailed(), red.untilMore(QUIET), green.untilMore(QUIET)]);
    await fleet.member('blue').heal();
    await allGoOn();

    await Promise.all(churns.map((churn) => churn.end()));
    await fleet.untilAgreed();
    const failures = churns.reduce((sum, churn) => sum + churn.failures, 0);
    const twice = ledger.heldTwice();
    t.diagnostic(
      `${ledger.tenancies.length} tenancies of ${ledger.addresses.size} addresses, ${failures} commands failed; ` +
        `held by two at once: ${twice.length}${twice.map((line) => `\n${line}`).join('')}`,
    );
    assert.deepEqual(twice, []);
    assert.ok(ledger.tenancies.length > ledger.addresses.size, 'no address has changed hands');
    assert.deepEqual(heldInTable(await fleet.cloud.contents()), await heldByAll(fleet.members));
  });
});
