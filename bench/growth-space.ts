/** Automatic pools in a crowded space. */
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { spaceKey } from '../functions/dynamo/keys.ts';
import { cidr } from '../test/support/addresses.ts';
import { Host } from '../test/support/fleet.ts';
import type { Cost } from '../test/support/meter.ts';
import { atMost } from './figures.ts';
import { type Case, divided, register, sumOf, within } from './growth-setting.ts';
import { choose, heldPool, putAll } from './setting.ts';

const CROWDED = 'crowded';
const SAMPLES = 48;

/** Automatic pools in a space of so many subnets, of which a part is held. */
export function crowding(subnets: number, fill: number): Case {
  return (seed) =>
    within(seed, async (at) => {
      const range = { ...cidr('10.0.0.0/8'), prefix: 24 - Math.log2(subnets) };
      const settings = { ...spaceKey(CROWDED), ranges: [`10.0.0.0/${range.prefix}`], size4: 24 };
      await at.client.send(new PutItemCommand({ TableName: at.table, Item: marshall(settings) }));
      const all = Array.from({ length: subnets }, (_, i) => range.first + (BigInt(i) << 8n));
      const items = choose(all, Math.round(subnets * (1 - fill)), seed).map((first, i) =>
        heldPool(at, { space: CROWDED, cidr: { ...range, first, prefix: 24 } }, i, `host-${i % 100}`),
      );
      await putAll(at.client, at.table, items);
      const host = new Host(at, 'a');
      await register(at, host, 'a');
      const costs: Cost[] = [];
      for (let i = 0; i < (fill === 1 ? 2 : SAMPLES); i++) {
        const { outcome, cost } = await at.meter.measure(() =>
          host.pool({ space: CROWDED }, host.call({ deadline: Infinity })),
        );
        costs.push(cost);
        if (outcome.status === 'fulfilled') await host.leave(outcome.value);
        else if (fill < 1) throw outcome.reason;
      }
      const cost = divided(sumOf(costs), costs.length);
      const bound = fill > 0.95 ? 150 : 15;
      return [
        {
          what: fill === 1 ? 'refusal of an automatic pool' : 'automatic pool',
          size: `${subnets} subnets, ${fill * 100} % held`,
          cost,
          targets: fill === 1 ? [] : [atMost('read units', cost.readUnits, bound)],
        },
      ];
    });
}
