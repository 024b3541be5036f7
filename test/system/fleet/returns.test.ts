/** A host that is cut off for so long that the fleet gives up waiting, while others take every address that is free. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { limit } from '../../support/deadlines.ts';
import { eventually } from '../../support/stage.ts';
import { addressOf, runContainer } from '../engine/support/berth.ts';
import { whyNoEngine } from '../engine/support/engines.ts';
import { heldInTable } from '../engine/support/holdings.ts';
import { EngineFleet, type Member, heldByAll } from './support/engine-fleet.ts';
import { type Resident, announce, assertAllPing, assertOneAnswerEach, moveIn } from './support/lan-check.ts';
import { Ledger } from './support/ledger.ts';
import { endLease, outlastMemory, untilFenced } from './support/silence.ts';

const MACVLAN = ['-d', 'macvlan', '-o', 'parent=up0'];
const createOn = (subnet: string, driver: readonly string[] = []): string[] => [
  ...['network', 'create', ...driver, '--ipam-driver', 'berth'],
  ...['--ipam-opt', 'berth.cooldown=2s', '--subnet', subnet, '--gateway', subnet.replace(/0\/\d+$/, '1')],
];
/** Networks of the second test: one that others share, one whose subnet they take, one alone. A parent has only one macvlan. */
const MORE = [
  ['roomy', '10.93.0.0/24'],
  ['narrow', '10.94.0.0/24'],
  ['alone', '10.95.0.0/24'],
] as const;
/** 14 usable, of which one is the gateway. */
const ADDRESSES = 13;
const FULL = /remote: no available addresses on this pool \(10\.92\.0\.0\/28/;
const PAUSE = 200;
const MOST_TRIES = 60;
const OWN = ['one', 'two', 'three'];

describe('a host that is cut off past its lease', { skip: whyNoEngine() ?? false, timeout: limit(240_000) }, () => {
  let fleet: EngineFleet;
  let away: Member;
  let others: readonly Member[];
  let residents: Resident[] = [];
  let started = 0;
  const ledger = new Ledger(() => performance.now());

  before(async () => {
    fleet = await EngineFleet.start({ away: '28', near: '28', old: '20.10' });
    away = fleet.member('away');
    others = fleet.members.filter((member) => member !== away);
    for (const { host } of fleet.members) await host.docker(...createOn('10.92.0.0/28', MACVLAN), 'small');
    for (const name of OWN) await settleAt(away, name);
  });

  after(() => fleet.stop());

  async function settleAt(member: Member, name: string): Promise<Resident> {
    const resident = await moveIn(member, name, 'small');
    residents.push(resident);
    ledger.moveIn(member.name, name, resident.ip);
    return resident;
  }

  /** Retries like a user until there is an address: released addresses are in their cool-down for a while. */
  async function settleWhenFree(member: Member, name: string): Promise<Resident> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      try {
        return await settleAt(member, name);
      } catch (error) {
        assert.match(String(error), FULL);
        await member.host.docker('rm', '-f', name);
        await sleep(PAUSE);
      }
    }
    return assert.fail(`${name} gets no address`);
  }

  async function leave({ host, container }: Resident): Promise<void> {
    ledger.moveOut(host.name, container);
    residents = residents.filter((resident) => resident.host !== host || resident.container !== container);
    await host.docker('rm', '-f', container);
  }

  /** The other hosts start containers in turn until no address is left. */
  async function takeAll(): Promise<void> {
    for (let tries = 0; tries <= ADDRESSES; tries++) {
      const member = others[tries % others.length];
      const name = `taker${started++}`;
      assert.ok(member !== undefined);
      try {
        await settleAt(member, name);
      } catch (error) {
        assert.match(String(error), FULL);
        await member.host.docker('rm', '-f', name);
        return;
      }
    }
    assert.fail('more containers than there are addresses');
  }

  /** The conflicts that the host that was away reports, once there are this many. */
  async function untilTold(conflicts: number): Promise<string> {
    let lines: string[] = [];
    await eventually(async () => {
      lines = (await away.findings()).map(({ kind, text, done }) => `${kind}: ${text}: ${done}`);
      return lines.filter((line) => line.startsWith('conflict')).length === conflicts;
    });
    return lines.join('\n');
  }

  async function assertTableIsWhatDockerHas(): Promise<void> {
    await Promise.all(fleet.members.map((member) => member.untilHeard()));
    assert.deepEqual(heldInTable(await fleet.cloud.contents()), await heldByAll(fleet.members));
  }

  it('keeps its addresses, although others take all free ones, and continues unchanged when it returns', async () => {
    const { store } = fleet.cloud;
    const before = await away.host.docker('ps', '--no-trunc', '--format', '{{.ID}} {{.Status}}');
    await away.cutOff();
    await endLease(store, 'away');
    await untilFenced(store, 'away');
    await takeAll();
    assert.deepEqual(ledger.heldTwice(), []);
    assert.equal(ledger.addresses.size, ADDRESSES);

    await away.heal();
    await assertAllPing(residents);
    await assertOneAnswerEach(residents);
    const [leaver] = residents.filter(({ host }) => host !== away.host);
    assert.ok(leaver !== undefined);
    await leave(leaver);
    await announce(await settleWhenFree(away, 'four'));
    const after = await away.host.docker('ps', '--no-trunc', '--format', '{{.ID}}');
    for (const line of before.split('\n')) assert.ok(after.includes(line.slice(0, 64)), line);
    assert.equal((await store.readHost('away'))?.epoch, 2);
    assert.deepEqual(ledger.heldTwice(), []);
    await assertAllPing(residents);
    await assertTableIsWhatDockerHas();
  });

  it('for longer than its space remembers, revives what is still free, and names the holders of the rest', async () => {
    const { store } = fleet.cloud;
    const [near] = others;
    assert.ok(near !== undefined);
    for (const [network, subnet] of MORE) await away.host.docker(...createOn(subnet), network);
    const run = (name: string) => runContainer(away.host, name, '--network', 'roomy');
    const [kept, lost] = [await run('kept'), await run('lost')];
    const lone = await runContainer(away.host, 'lone', '--network', 'alone');
    await near.host.docker(...createOn('10.93.0.0/24'), 'roomy');
    await away.cutOff();
    await endLease(store, 'away');
    await untilFenced(store, 'away');
    await outlastMemory(store, 'away');
    // It is forgotten: from now on other hosts may have its addresses. It stays off the LAN until it has released them.
    ledger.allOut('away');
    residents = residents.filter(({ host }) => host !== away.host);
    await takeAll();
    assert.equal(residents.length, ADDRESSES);
    await Promise.all(residents.map(announce));
    await runContainer(near.host, 'newcomer', '--network', 'roomy', '--ip', lost.ip);
    await near.host.docker(...createOn('10.94.0.0/23'), 'wider');
    assert.deepEqual(ledger.heldTwice(), []);

    await away.findCloud();
    const told = await untilTold(5);
    for (const name of [...OWN, 'four', 'lost']) {
      assert.match(
        told,
        new RegExp(`conflict: ${name} has [\\d.]+, which is held by an endpoint .* of host (near|old)`),
      );
    }
    assert.match(
      told,
      /the network on 10\.94\.0\.0\/24 of space default was reclaimed .* 10\.94\.0\.0\/23 has been in use since .* \(created by host near\); remove the network/,
    );
    assert.equal(told.split('\n').length, 6);
    assert.match(
      await away.host.dockerFails('run', '--name', 'late', '--network', 'narrow', 'busybox', 'true'),
      /remote: .*10\.94\.0\.0\/24 of space default .*(was released|is being restored)/,
    );
    await away.host.docker('rm', '-f', ...OWN, 'four', 'late');
    await away.host.docker('network', 'rm', 'narrow');

    // What was lost gets another address when it starts again; everything else was never touched.
    await away.host.docker('restart', '-t', '0', 'lost');
    assert.notEqual((await addressOf(away.host, 'lost')).ip, lost.ip);
    assert.equal((await addressOf(away.host, 'kept')).ip, kept.ip);
    assert.notEqual((await runContainer(away.host, 'second', '--network', 'alone')).ip, lone.ip);
    await away.heal();
    await fleet.untilAgreed();
    const [leaver] = residents;
    assert.ok(leaver !== undefined);
    await leave(leaver);
    await announce(await settleWhenFree(away, 'five'));
    assert.deepEqual(ledger.heldTwice(), []);
    await assertAllPing(residents);
    await assertOneAnswerEach(residents);
    await fleet.untilAgreed();
    await assertTableIsWhatDockerHas();
  });
});
