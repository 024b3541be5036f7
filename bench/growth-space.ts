/** Automatic pools in a crowded space. */
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { spaceKey } from '../functions/dynamo/keys.ts';
import { Refusal } from '../functions/ipam/refusal.ts';
import { cidr } from '../test/support/addresses.ts';
import { Host } from '../test/support/fleet.ts';
import type { Cost } from '../test/support/meter.ts';
import { atMost } from './figures.ts';
import { type Case, divided, register, sumOf, within } from './growth-setting.ts';
import { type Setting, choose, heldPool, putAll } from './setting.ts';

const CROWDED = 'crowded';
const SAMPLES = 48;

/** A space of so many subnets, of which these are held. */
async function crowd(at: Setting, subnets: number, held: number, seed: number, settings: object = {}): Promise<void> {
  const range = { ...cidr('10.0.0.0/8'), prefix: 24 - Math.log2(subnets) };
  const item = { ...spaceKey(CROWDED), ranges: [`10.0.0.0/${range.prefix}`], size4: 24, ...settings };
  await at.client.send(new PutItemCommand({ TableName: at.table, Item: marshall(item) }));
  const all = Array.from({ length: subnets }, (_, i) => range.first + (BigInt(i) << 8n));
  const items = choose(all, subnets - held, seed).map((first, i) =>
    heldPool(at, { space: CROWDED, cidr: { ...range, first, prefix: 24 } }, i, `host-${i % 100}`),
  );
  await putAll(at.client, at.table, items);
}

/** One request after another, all in one process, which releases what it was granted. */
async function ask(at: Setting, times: number): Promise<readonly Cost[]> {
  const host = new Host(at, 'a');
  await register(at, host, 'a');
  const costs: Cost[] = [];
  for (let i = 0; i < times; i++) {
    const call = host.call({ deadline: Infinity });
    const { outcome, cost } = await at.meter.measure(() => host.pool({ space: CROWDED }, call));
    costs.push(cost);
    if (outcome.status === 'fulfilled') await host.leave(outcome.value);
    else if (!(outcome.reason instanceof Refusal)) throw outcome.reason;
  }
  return costs;
}

/** Automatic pools in a space of which a part is held. */
export function crowding(subnets: number, fill: number): Case {
  return (seed) =>
    within(seed, async (at) => {
      await crowd(at, subnets, Math.round(subnets * fill), seed);
      const cost = divided(sumOf(await ask(at, SAMPLES)), SAMPLES);
      const targets = [atMost('read units', cost.readUnits, fill > 0.95 ? 150 : 15)];
      return [{ what: 'automatic pool', size: `${subnets} subnets, ${fill * 100} % held`, cost, targets }];
    });
}

/** Refusals of a full space: one that has to survey it, and one that rests on that. */
export function refusing(subnets: number): Case {
  return (seed) =>
    within(seed, async (at) => {
      await crowd(at, subnets, subnets, seed);
      const [first = nothing, next = nothing] = await ask(at, 2);
      const size = `${subnets} subnets, 100 % held`;
      return [
        { what: 'refusal of an automatic pool', size, cost: first, targets: [] },
        { what: 'the next refusal', size, cost: next, targets: [atMost('read units', next.readUnits, 10)] },
      ];
    });
}

const MAX_POOLS = 10_000;

/** Automatic pools in a space that may hold 10,000, and holds so many: the first request of a process counts them. */
export function limited(held: number): Case {
  return (seed) =>
    within(seed, async (at) => {
      await crowd(at, 65_536, held, seed, { maxPools: MAX_POOLS });
      const [first = nothing, ...next] = await ask(at, 1 + SAMPLES);
      const size = `${held} of ${MAX_POOLS} pools held`;
      // Nearer to the limit, each request counts.
      const isFarBelow = held < 0.8 * MAX_POOLS;
      const cost = divided(sumOf(next), next.length);
      return [
        { what: 'automatic pool under a limit', size, cost: first, targets: [] },
        { what: 'the next ones', size, cost, targets: isFarBelow ? [atMost('read units', cost.readUnits, 10)] : [] },
      ];
    });
}

const nothing: Cost = sumOf([]);
