/** Alarms and the dashboard use metrics that exist, and alarms notify a topic. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import * as v from 'valibot';
import { RUNS, WATCHED } from '../../../bench/assumptions.ts';
import { PRICES } from '../../../bench/prices.ts';
import { emptyReport } from '../../../functions/ipam/sweep/report.ts';
import { NOTHING_COUNTED } from '../../../functions/ipam/sweep/usage.ts';
import { gaugesOf } from '../../../functions/lambda/gauges.ts';
import { functionNames } from '../../../infra/build.ts';
import { root } from '../../support/repository.ts';
import { scratchFolder } from './support/scratch.ts';
import { render } from './support/render.ts';
import { Template } from './support/template.ts';

const scratch = scratchFolder('monitoring');
let template: v.InferOutput<typeof Template>;

before(() => {
  template = v.parse(Template, render(scratch, 'function-urls'));
});

/**
 * What the functions report: the sweep its work and the state of the fleet, an event of an instance, a call its outcome,
 * history how far it is.
 */
const told = new Set(
  [
    ...Object.keys(emptyReport()),
    ...Object.keys(gaugesOf({ lag: 1, fencedHosts: 1, usage: NOTHING_COUNTED }).gauges),
    ...['deaths', 'drains', 'noAddressLeft', 'noPoolLeft', 'hostTaken', 'failures', 'historyLag', 'historyGaps'],
  ].map((name) => name.charAt(0).toUpperCase() + name.slice(1)),
);

const ref = v.object({ Ref: v.string() });
const metric = v.object({
  Namespace: v.string(),
  MetricName: v.string(),
  Dimensions: v.tuple([v.object({ Name: v.string(), Value: ref })]),
});
const alarm = v.object({
  Properties: v.object({
    AlarmDescription: v.string(),
    ...v.partial(metric).entries,
    Metrics: v.optional(v.array(v.object({ MetricStat: v.optional(v.object({ Metric: metric })) }))),
    TreatMissingData: v.string(),
    AlarmActions: v.tuple([v.strictObject({ Ref: v.literal('AlarmTopic') })]),
  }),
});
const alarms = () =>
  Object.entries(template.Resources)
    .filter(([, { Type }]) => Type === 'AWS::CloudWatch::Alarm')
    .map(([name, resource]) => ({ name, ...v.parse(alarm, resource).Properties }));

type Metric = v.InferOutput<typeof metric>;
function metricsOf({ Metrics, ...one }: ReturnType<typeof alarms>[number]): Metric[] {
  return Metrics?.flatMap(({ MetricStat }) => MetricStat?.Metric ?? []) ?? [v.parse(metric, one)];
}

const operations = readFileSync(path.join(root, 'docs/operations.md'), 'utf8');

describe('the metrics', () => {
  it('are all documented, and no others are', () => {
    const section = operations.slice(operations.indexOf('\n## Metrics'), operations.indexOf('\n## Costs'));
    const rows = [...section.matchAll(/^\| (`\w+`(?:, `\w+`)*) \|/gm)].map(([, names = '']) => names);
    const named = rows.flatMap((names) => names.replaceAll('`', '').split(', '));
    // How many items were read, and why some were left out, is in the log.
    const logged = ['Hosts', 'Items', 'Reasons'];
    assert.deepEqual(named.sort(), [...told].filter((name) => !logged.includes(name)).sort());
  });

  it('that always have a value are as many as the cost table says', () => {
    const { gauges } = gaugesOf({ lag: 1, fencedHosts: 1, usage: NOTHING_COUNTED });
    const ofHistory = ['historyLag'];
    assert.equal(Object.keys(gauges).length + ofHistory.length, WATCHED.metrics);
  });
});

describe('the statement of the documents about concurrency', () => {
  const numbers = readFileSync(path.join(root, 'infra/concurrency/on.yml'), 'utf8').matchAll(/^(\w+): (\d+)/gm);
  const reserved = new Map([...numbers].map(([, name = '', number]) => [name, Number(number)]));

  it('matches the stack', () => {
    assert.deepEqual([...reserved.keys()].sort(), [...functionNames].sort());
    const [, list = ''] = /^ +for f in (\w+:.*); do$/m.exec(operations) ?? [];
    const [, sweep = ''] = /-sweep --reserved-concurrent-executions (\d+)/.exec(operations) ?? [];
    const { sweep: ofSweep, ...others } = Object.fromEntries(reserved);
    assert.deepEqual(
      [list, sweep],
      [
        Object.entries(others)
          .map(([name, number]) => `${name}:${number}`)
          .join(' '),
        String(ofSweep),
      ],
    );
    const most = (name: string): string => (10 * (reserved.get(name) ?? NaN)).toLocaleString('en');
    assert.ok(
      operations
        .replaceAll(/\s+/g, ' ')
        .includes(
          `\`addresses\` answers at most ${most('addresses')} calls a second, \`pools\` ${most('pools')}, ` +
            `\`hosts\` ${most('hosts')} and \`capabilities\` ${most('capabilities')}`,
        ),
    );
  });
});

describe('the statement of the documents about a day at the limit', () => {
  const DAY = 86_400;
  const maximum = (concurrency: string) => {
    const text = readFileSync(path.join(root, `infra/concurrency/${concurrency}.yml`), 'utf8');
    const [, reads, writes] = /^table: { MaxReadRequestUnits: (\d+), MaxWriteRequestUnits: (\d+) }/m.exec(text) ?? [];
    return { reads: Number(reads), writes: Number(writes) };
  };
  /** All executions busy, with as many calls as Lambda accepts for them: ten a second each. */
  const functions = (atOnce: number): string => {
    const { requests, gigabyteSecond } = PRICES.lambda;
    return `$${Math.round(DAY * atOnce * ((10 * requests) / 1e6 + (RUNS.call.megabytes / 1_024) * gigabyteSecond))}`;
  };
  const table = (concurrency: string): string => {
    const { reads, writes } = maximum(concurrency);
    const { readUnits, writeUnits } = PRICES.dynamo;
    return `$${Math.round((DAY * (reads * readUnits + writes * writeUnits)) / 1e6)}`;
  };

  it('matches the stack, by list prices', () => {
    assert.ok(operations.includes(`166 at once: ${functions(166)} |`));
    assert.ok(operations.includes(`with 10 at once ${functions(10)}, with 1,000 ${functions(1_000)} |`));
    const figures = (concurrency: string): string => {
      const { reads, writes } = maximum(concurrency);
      return `${writes.toLocaleString('en')}${concurrency === 'on' ? ' writes' : ''} and ${reads.toLocaleString('en')}`;
    };
    assert.ok(
      operations.includes(
        `| table | ${figures('on')} reads a second: ${table('on')} | ${figures('off')}: ${table('off')} |`,
      ),
    );
  });
});

describe('the alarms', () => {
  it('have one section each that says what to do, and no section is about an alarm that does not exist', () => {
    const sections = [...operations.matchAll(/^### (\w+Alarm)\n\n\S/gm)].map(([, name = '']) => name);
    assert.deepEqual(
      sections.sort(),
      alarms()
        .map(({ name }) => name)
        .sort(),
    );
  });

  it('use as many metrics as the cost table says', () => {
    assert.equal(alarms().flatMap(metricsOf).length, WATCHED.alarmMetrics);
  });

  it('use metrics of the functions, of this table, or of AWS for these functions', () => {
    for (const one of alarms()) {
      for (const { Namespace, MetricName, Dimensions } of metricsOf(one)) {
        const [{ Name, Value }] = Dimensions;
        if (Namespace === 'Berth') {
          assert.ok(told.has(MetricName), `${one.name}: ${MetricName}`);
          assert.deepEqual([Name, Value.Ref], ['Table', 'Table']);
        } else if (Namespace === 'AWS/DynamoDB') {
          assert.match(MetricName, /^Consumed(Read|Write)CapacityUnits$/);
          assert.deepEqual([Name, Value.Ref], ['TableName', 'Table']);
        } else {
          assert.equal(Namespace, 'AWS/Lambda');
          assert.match(MetricName, /^(Errors|Throttles|Duration)$/);
          assert.equal(Name, 'FunctionName');
          assert.equal(template.Resources[Value.Ref]?.Type, 'AWS::Lambda::Function');
        }
      }
    }
  });

  it('for errors cover every function', () => {
    const errors = alarms().find(({ name }) => name === 'ErrorsAlarm') ?? assert.fail();
    assert.deepEqual(
      metricsOf(errors)
        .map(({ Dimensions: [{ Value }] }) => Value.Ref)
        .sort(),
      functionNames.map((name) => `${name.charAt(0).toUpperCase()}${name.slice(1)}LambdaFunction`).sort(),
    );
  });

  it('treat missing data as breaching only for the sweep and history, which always report', () => {
    const bad = alarms().filter(({ TreatMissingData }) => TreatMissingData === 'breaching');
    assert.deepEqual(
      bad.map(({ name }) => name),
      ['SweepAlarm', 'HistoryAlarm'],
    );
  });
});

describe('the dashboard', () => {
  const body = v.pipe(
    v.string(),
    v.parseJson(),
    v.object({
      widgets: v.array(
        v.object({
          x: v.number(),
          y: v.number(),
          width: v.number(),
          height: v.number(),
          type: v.picklist(['metric', 'log']),
          properties: v.looseObject({
            title: v.string(),
            region: v.literal('${AWS::Region}'),
            metrics: v.optional(v.array(v.array(v.union([v.string(), v.looseObject({})])))),
            query: v.optional(v.string()),
          }),
        }),
      ),
    }),
  );
  const widgets = () => {
    const resource = v.object({ Properties: v.object({ DashboardBody: v.strictObject({ 'Fn::Sub': body }) }) });
    return v.parse(resource, template.Resources['Dashboard']).Properties.DashboardBody['Fn::Sub'].widgets;
  };

  it('draws metrics of this stage that exist', () => {
    const drawn = widgets().flatMap(({ properties }) => properties.metrics ?? []);
    const names = functionNames.map((name) => `berth-test-${name}`);
    for (const line of drawn.filter(([first]) => typeof first === 'string')) {
      const [namespace, name = '', , of = ''] = line.filter((part) => typeof part === 'string');
      if (namespace === 'Berth') assert.ok(told.has(name) && of === '${Table}', name);
      else if (namespace === 'AWS/Lambda') assert.ok(names.includes(of), of);
      else assert.deepEqual([namespace, of], ['AWS/DynamoDB', '${Table}']);
    }
    const shown = new Set(drawn.map(([, name]) => name));
    for (const must of ['Errors', 'Throttles', 'Duration', 'FullestPool', 'NoAddressLeft', 'FencedHosts', 'SweepLag']) {
      assert.ok(shown.has(must), must);
    }
  });

  it('reads logs that exist', () => {
    const groups = Object.values(template.Resources).flatMap((one) =>
      one.Type === 'AWS::Logs::LogGroup'
        ? [v.parse(v.object({ Properties: v.object({ LogGroupName: v.string() }) }), one).Properties.LogGroupName]
        : [],
    );
    const read = widgets().flatMap(({ properties }) =>
      [...(properties.query ?? '').matchAll(/SOURCE '([^']+)'/g)].map(([, group = '']) => group),
    );
    assert.ok(read.length > 0);
    assert.deepEqual(
      read.filter((group) => !groups.includes(group)),
      [],
    );
  });

  it('has no overlapping widgets', () => {
    const places = widgets().map(({ x, y }) => `${x} ${y}`);
    assert.equal(new Set(places).size, places.length);
    assert.ok(widgets().every(({ x, width }) => x + width <= 24));
  });
});
