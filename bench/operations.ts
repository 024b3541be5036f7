/** Every other operation, in an empty space and in a crowded one. */
import { marshall } from '@aws-sdk/util-dynamodb';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { spaceKey } from '../functions/dynamo/keys.ts';
import type { Call } from '../functions/ipam/call.ts';
import { Bindings } from '../functions/ipam/hosts/binding.ts';
import { registerHost } from '../functions/ipam/hosts/register.ts';
import type { GrantedPool } from '../functions/ipam/pools/request-pool.ts';
import { settleAddress, settlePool } from '../functions/ipam/recovery/settle.ts';
import { cidr } from '../test/support/addresses.ts';
import { Host, GATEWAY, withMac } from '../test/support/fleet.ts';
import type { Cost } from '../test/support/meter.ts';
import { type Figures, type Target, atMost, figuresOf } from './figures.ts';
import { type Setting, choose, heldPool, putAll } from './setting.ts';

export interface OperationResult {
  readonly what: string;
  readonly figures: Figures;
  readonly targets: readonly Target[];
}

const MAC = withMac('02:42:0a:00:00:05');
const PRINCIPAL = 'arn:aws:sts::123456789012:assumed-role/berth-host/bench';
const CROWDED = 'crowded';
/** Automatic pools that the crowded space has room for, and the percentage of them that are held. */
const ROOM_POOLS = 256;
const HELD_PERCENT = 90;

interface Measured {
  readonly cost: Cost;
}

/** Runs one operation of a kind, and, unmeasured, what must happen before and after it. */
type Sample = (number: number) => Promise<Measured>;

async function measured<T>(at: Setting, operation: () => Promise<T>): Promise<Measured & { readonly value: T }> {
  const { outcome, cost } = await at.meter.measure(operation);
  if (outcome.status === 'rejected') throw outcome.reason;
  return { cost, value: outcome.value };
}

/** A space that is mostly held by others. */
async function crowdedSpace(at: Setting, seed: number): Promise<void> {
  const { client, table } = at;
  const range = cidr('10.64.0.0/16');
  const config = { ...spaceKey(CROWDED), ranges: ['10.64.0.0/16'], size4: 24 };
  await client.send(new PutItemCommand({ TableName: table, Item: marshall(config) }));
  const all = Array.from({ length: ROOM_POOLS }, (_, i) => range.first + (BigInt(i) << 8n));
  const held = choose(all, Math.round((ROOM_POOLS * (100 - HELD_PERCENT)) / 100), seed);
  const items = held.map((first, i) =>
    heldPool(at, { space: CROWDED, cidr: { ...range, first, prefix: 24 } }, i, 'bench'),
  );
  await putAll(client, table, items);
}

const poolTargets = ({ writeUnits, readUnits }: Figures): Target[] => [
  atMost('write units', writeUnits, 5),
  atMost('read units', readUnits, 4),
];
const releaseTargets = ({ writeUnits }: Figures): Target[] => [atMost('write units', writeUnits, 5)];
const addressTargets = ({ writeUnits, readUnits, roundTrips }: Figures): Target[] => [
  atMost('write units', writeUnits, 1),
  atMost('read units', readUnits, 1),
  atMost('round trips', roundTrips, 1),
];
const freeTargets = ({ writeUnits, readUnits, roundTrips }: Figures): Target[] => [
  atMost('write units', writeUnits, 1),
  atMost('read units', readUnits, 0),
  atMost('round trips', roundTrips, 1),
];
const none = (): Target[] => [];

interface Kind {
  readonly what: string;
  readonly sample: Sample;
  readonly targets: (figures: Figures) => Target[];
}

function poolKinds(at: Setting): Kind[] {
  const host = new Host(at, 'bench-a');
  const other = new Host(at, 'bench-b');
  const created = async (wish: Parameters<Host['pool']>[0]): Promise<Measured> => {
    const { cost, value } = await measured(at, () => host.pool(wish));
    await host.leave(value);
    return { cost };
  };
  const beside = async (run: (shared: GrantedPool) => Promise<Measured>): Promise<Measured> => {
    const shared = await other.pool({ pool: '10.9.0.0/24' });
    const found = await run(shared);
    await other.leave(shared);
    return found;
  };
  return [
    {
      what: 'RequestPool, a new subnet',
      sample: (i) => created({ pool: `10.8.${i}.0/24` }),
      targets: poolTargets,
    },
    { what: 'RequestPool, automatic', sample: () => created({}), targets: poolTargets },
    {
      what: `RequestPool, automatic, ${HELD_PERCENT} % of the space held`,
      sample: () => created({ space: CROWDED }),
      targets: none,
    },
    {
      what: 'RequestPool, joining a subnet',
      sample: () => beside(() => created({ pool: '10.9.0.0/24' })),
      targets: poolTargets,
    },
    {
      what: 'ReleasePool, the last network',
      sample: async () => {
        const net = await host.pool({ pool: '10.9.0.0/24' });
        return measured(at, () => host.leave(net));
      },
      targets: releaseTargets,
    },
    {
      what: 'ReleasePool, others stay',
      sample: () =>
        beside(async () => {
          const net = await host.pool({ pool: '10.9.0.0/24' });
          return measured(at, () => host.leave(net));
        }),
      targets: releaseTargets,
    },
    {
      what: 'settling a RequestPool',
      sample: async () => {
        const call = host.call();
        await host.pool({ pool: '10.9.0.0/24' }, call);
        return measured(at, () => settlePool(at, host.call(), { requestKey: call.requestKey, keep: undefined }));
      },
      targets: none,
    },
  ];
}

/** A function that has served the host before. Its clock stands still: with the bench's clock it would forget the host. */
async function boundTo(at: Setting, host: Host): Promise<Bindings> {
  const told = { principal: PRINCIPAL, incarnation: undefined, proposed: 'nonce-bench' };
  await registerHost(at, host.call(), { ...told, shimVersion: 'bench', engineVersion: '' });
  const began = at.world.now();
  const bindings = new Bindings({ store: at.store, world: { ...at.world, now: () => began } });
  await bindings.check(host.call(), PRINCIPAL);
  return bindings;
}

async function addressKinds(at: Setting): Promise<Kind[]> {
  const host = new Host(at, 'bench-a');
  const net = await host.pool({ pool: '10.7.0.0/24' });
  const bindings = await boundTo(at, host);
  const granted = async (
    address: string,
    options: object,
    call: Call,
    rests = true,
    known = bindings,
  ): Promise<Measured> => {
    const { cost, value } = await measured(at, async () => {
      await known.check(call, PRINCIPAL);
      return host.address(net, address, options, call);
    });
    await host.release(net, value);
    if (rests) at.world.advance(60_000);
    return { cost };
  };
  return [
    { what: 'RequestAddress, any', sample: () => granted('', {}, host.call()), targets: addressTargets },
    {
      what: 'RequestAddress, of a host that the function has not served recently',
      sample: () => granted('', {}, host.call(), true, new Bindings(at)),
      targets: none,
    },
    {
      what: 'RequestAddress, a given one',
      sample: () => granted('10.7.0.9', MAC, host.call()),
      targets: addressTargets,
    },
    {
      what: 'RequestAddress, an endpoint that starts again',
      sample: () => granted('', withMac('02:42:0a:00:00:06'), host.call(), false),
      targets: none,
    },
    {
      what: 'RequestAddress, a call that is repeated',
      sample: async () => {
        const call = host.call();
        await host.address(net, '', {}, call);
        return granted('', {}, { ...call, attempt: 2 });
      },
      targets: addressTargets,
    },
    {
      what: 'RequestAddress, the gateway',
      sample: () => measured(at, () => host.address(net, '', GATEWAY)),
      targets: none,
    },
    {
      what: 'ReleaseAddress',
      sample: async () => {
        const address = await host.address(net);
        const call = host.call();
        return measured(at, async () => {
          await bindings.check(call, PRINCIPAL);
          return host.release(net, address, call);
        });
      },
      targets: freeTargets,
    },
    {
      what: 'settling a RequestAddress',
      sample: async () => {
        const call = host.call();
        await host.address(net, '', {}, call);
        const request = { poolId: net.poolId, address: '', options: {}, requestKey: call.requestKey, keep: undefined };
        return measured(at, () => settleAddress(at, host.call(), request));
      },
      targets: none,
    },
  ];
}

export async function measureOperations(at: Setting, samples: number, seed: number): Promise<OperationResult[]> {
  await crowdedSpace(at, seed);
  const results: OperationResult[] = [];
  for (const { what, sample, targets } of [...poolKinds(at), ...(await addressKinds(at))]) {
    const costs: Cost[] = [];
    for (let i = 0; i < samples; i++) costs.push((await sample(i)).cost);
    const figures = figuresOf(costs);
    results.push({ what, figures, targets: targets(figures) });
  }
  return results;
}
