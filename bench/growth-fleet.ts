/** What hosts leave behind: each case fills a table, partly with items in the documented format, and counts one operation. */
import { encodeRef } from '../functions/dynamo/items.ts';
import { refKey } from '../functions/dynamo/keys.ts';
import { LEASE_MS } from '../functions/ipam/host.ts';
import { reportDeath } from '../functions/ipam/hosts/host-events.ts';
import { networksOf } from '../functions/ipam/recovery/holdings.ts';
import { type Ref, hostTag } from '../functions/ipam/ref.ts';
import type { IndexedRef } from '../functions/ipam/store.ts';
import { FIRST_CURSOR } from '../functions/ipam/sweep-cursor.ts';
import { TOMBSTONE_LIFETIME_MS } from '../functions/ipam/sweep/items.ts';
import { sweep } from '../functions/ipam/sweep/sweep.ts';
import { cidr } from '../test/support/addresses.ts';
import { Host, withMac } from '../test/support/fleet.ts';
import { withoutFailures } from '../test/support/whole-sweep.ts';
import { looksMonth } from './bill.ts';
import { atMost } from './figures.ts';
import { type Case, divided, measured, register, sumOf, within } from './growth-setting.ts';
import { countLook } from './uses.ts';
import { type Setting, leaseOf, occupy, putAll } from './setting.ts';

const MAC = withMac('02:42:0a:00:00:05');

const wholeSweep = (at: Setting) =>
  withoutFailures(sweep(at, { deadline: Infinity, limit: 1_000_000, cursor: { ...FIRST_CURSOR, walkedAt: 0 } }));

/** A million ended networks a day, with one run of 52 s in five minutes, are 66.8 a second of the run. */
const CLEARED_A_SECOND = 1_000_000 / (288 * 52);

/** The sweep clears networks that have ended, each with so many containers that were released before. */
export function clearing(networks: number, containers: number): Case {
  return (seed) =>
    within(seed, async (at) => {
      const host = new Host(at, 'a');
      await register(at, host, 'a');
      for (let i = 0; i < networks; i++) {
        const net = await host.pool({ options: { 'berth.size': '24' } });
        const held: string[] = [];
        for (let j = 0; j < containers; j++) held.push(await host.address(net, '', MAC));
        for (const address of held) await host.release(net, address);
        await host.leave(net);
      }
      at.world.advance(TOMBSTONE_LIFETIME_MS + 1);
      // The gateway's reservation goes first, then the tombstone and its chunks, a walk later.
      const walks = [];
      for (let i = 0; i < 3; i++) walks.push(await measured(at, () => wholeSweep(at)));
      const cost = divided(sumOf(walks), networks);
      return [
        {
          what: 'sweep, for each network that has ended',
          size: `${containers} containers`,
          cost,
          targets: [atMost('ms at 4 ms', cost.roundTrips * 4, 1_000 / CLEARED_A_SECOND)],
        },
      ];
    });
}

/** References of one host, each of a pool of its own, which need not exist. */
async function putRefs(at: Setting, host: string, count: number, fields: Partial<Ref>): Promise<void> {
  const from = fields.state === 'gone' ? 0 : 1_000_000;
  const items = Array.from({ length: count }, (_, i) => {
    const number = String(from + i).padStart(7, '0');
    const ref: Ref = {
      name: `${hostTag(at.world, host)}${number.slice(-6)}`,
      generation: `gen${number}ab`,
      space: 'default',
      cidr: cidr('172.16.0.0/24'),
      subPool: undefined,
      hostId: host,
      epoch: 1,
      requestKey: `${(from + i).toString(36).padStart(9, '0')}aaaa`,
      gateway: undefined,
      reserved: [],
      asked: [],
      state: 'live',
      fencedAt: undefined,
      endedAt: undefined,
      ...fields,
    };
    return { ...refKey(ref.generation, ref.name), ...encodeRef(ref) };
  });
  await putAll(at.client, at.table, items);
}

/** The networks of a host behind what it has ended. */
export function listing(ended: number): Case {
  return (seed) =>
    within(seed, async (at) => {
      await putRefs(at, 'a', ended, { state: 'gone', endedAt: at.world.now() });
      await putRefs(at, 'a', 50, {});
      let found = 0;
      const cost = await measured(at, async () => {
        let after: IndexedRef | undefined;
        do {
          const page = await networksOf(at, { hostId: 'a', driver: 'berth' }, { after });
          found += page.networks.length;
          after = page.next;
        } while (after !== undefined);
      });
      if (found !== 50) throw new Error(`${found} networks of 50 were found`);
      return [
        {
          what: "list of a host's networks",
          size: `50, ${ended} ended`,
          cost,
          targets: [atMost('s at 4 ms', (cost.roundTrips * 4) / 1_000, 2)],
        },
      ];
    });
}

const FLEET = 10_000;

/** The hourly comparison of a host whose networks all are as its Docker has them, and a month of them in a fleet. */
export function comparing(networks: number): Case {
  return (seed) =>
    within(seed, async (at) => {
      const host = new Host(at, 'a');
      await register(at, host, 'a');
      const { use, costs } = await countLook(at, host, networks);
      const dollars = looksMonth(use, FLEET, 'Function URLs');
      return [
        {
          what: 'comparison with Docker',
          size: `${networks} quiet networks of 4 containers`,
          cost: sumOf(costs),
          // A fifth of $662, which 50 networks of each host cost when each was asked for by itself, twice.
          targets: [atMost(`$ a month for ${FLEET.toLocaleString('en')} hosts`, dollars, (132 * networks) / 50)],
        },
      ];
    });
}

/** A fenced host returns: it registers until all of its networks are awake. */
export function waking(ended: number, dormant: number): Case {
  return (seed) =>
    within(seed, async (at) => {
      const host = new Host(at, 'a');
      let { incarnation } = await register(at, host, 'a');
      await putRefs(at, 'a', ended, { state: 'gone', endedAt: at.world.now() });
      at.world.advance(LEASE_MS + 1);
      await withoutFailures(
        sweep(at, { deadline: Infinity, limit: 1_000_000, cursor: { ...FIRST_CURSOR, walkedAt: at.world.now() } }),
      );
      await putRefs(at, 'a', dormant, { state: 'dormant', fencedAt: at.world.now() });
      let registrations = 0;
      const cost = await measured(at, async () => {
        for (let isWaking = true; isWaking; registrations++) {
          ({ incarnation, isWaking } = await register(at, host, 'a', incarnation));
          if (registrations > 200) throw new Error('the host does not wake');
        }
      });
      return [
        {
          what: 'return of a fenced host',
          size: `${dormant} networks, ${ended} ended`,
          cost,
          targets: [atMost('s at 4 ms', (cost.roundTrips * 4) / 1_000, 2)],
        },
      ];
    });
}

/** A host dies that has so many addresses in a pool that it shares. */
export function death(addresses: number): Case {
  return (seed) =>
    within(seed, async (at) => {
      const [dying, other] = [new Host(at, 'a'), new Host(at, 'b')];
      await register(at, dying, 'a');
      const pool = '10.1.0.0/16';
      const net = await dying.pool({ pool });
      await other.pool({ pool });
      const [found] = (await networksOf(at, { hostId: 'a', driver: 'berth' })).networks;
      if (found === undefined) throw new Error(`no network behind ${net.poolId}`);
      const { generation, name } = found.ref;
      await occupy(
        at,
        generation,
        Array.from({ length: addresses }, (_, i) => i + 256),
        '',
        leaseOf(name),
      );
      const cost = await measured(at, () => reportDeath(at, 'a', 'bench', Infinity));
      return [
        {
          what: 'death of a host',
          size: `${addresses} addresses in a shared /16`,
          cost,
          targets: [atMost('s at 4 ms', (cost.roundTrips * 4) / 1_000, 30)],
        },
      ];
    });
}

/** The same in a pool that no search reads whole. */
export function deathInLargePool(addresses: number): Case {
  return (seed) =>
    within(seed, async (at) => {
      const [dying, other] = [new Host(at, 'a'), new Host(at, 'b')];
      await register(at, dying, 'a');
      await register(at, other, 'b');
      const wish = { pool: 'fd00:1::/64', v6: true };
      const net = await dying.pool(wish);
      await other.pool(wish);
      for (let i = 0; i < addresses; i++) await dying.address(net, '', MAC);
      const cost = await measured(at, () => reportDeath(at, 'a', 'bench', Infinity));
      // Each is freed with a write of its own, and the rest is a few.
      const targets = [atMost('requests for each', cost.requests / addresses, 1.2)];
      return [{ what: 'death of a host', size: `${addresses} addresses in a shared IPv6 /64`, cost, targets }];
    });
}

/** A shared pool whose first members are tombstones: a member leaves, and the walk looks at a full /16. */
export function sharing(members: number): Case {
  return (seed) =>
    within(seed, async (at) => {
      const pool = '10.1.0.0/16';
      const first = new Host(at, 'first');
      await register(at, first, 'first');
      const net = await first.pool({ pool });
      const hosts = Array.from({ length: members }, (_, i) => new Host(at, `m${i}`));
      const nets = [];
      for (const host of hosts) nets.push({ host, net: await host.pool({ pool }) });
      const half = nets.slice(0, members / 2);
      for (const { host, net } of half) await host.leave(net);
      const last = nets.at(-1);
      if (last === undefined) throw new Error('a shared pool needs members');
      const leaving = await measured(at, () => last.host.leave(last.net));
      const [found] = (await networksOf(at, { hostId: 'first', driver: 'berth' })).networks;
      if (found === undefined) throw new Error(`no network behind ${net.poolId}`);
      const { generation, name } = found.ref;
      await occupy(
        at,
        generation,
        Array.from({ length: 65_000 }, (_, i) => i + 256),
        '',
        leaseOf(name),
      );
      const walk = await measured(at, () => wholeSweep(at));
      const size = `${members} members, half of them ended`;
      return [
        {
          what: 'release of a shared pool',
          size,
          cost: leaving,
          targets: [atMost('read units', leaving.readUnits, 15)],
        },
        { what: 'walk over a full /16', size, cost: walk, targets: [] },
      ];
    });
}
