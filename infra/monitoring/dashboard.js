/**
 * The body of the dashboard, which CloudFormation expects as one text. CloudFormation fills in `${…}`.
 */

/** Three widgets in a row of 24 columns. */
const [WIDTH, HEIGHT] = [8, 6];
const SERVING = ['capabilities', 'pools', 'addresses', 'hosts'];
const ALL = [...SERVING, 'console', 'viewer', 'check', 'sweep', 'history'];

const graph = (title, metrics, more = {}) => ({
  type: 'metric',
  properties: { title, metrics, region: '${AWS::Region}', view: 'timeSeries', stat: 'Sum', period: 300, ...more },
});

/** One line for each function. */
const ofFunctions = (stage) => (title, metric, stat, names) =>
  graph(
    title,
    names.map((name) => ['AWS/Lambda', metric, 'FunctionName', `berth-${stage}-${name}`, { label: name }]),
    { stat },
  );

const berth = (metric, options = {}) => ['Berth', metric, 'Table', '${Table}', options];
const table = (metric) => ['AWS/DynamoDB', metric, 'TableName', '${Table}'];

const logs = (title, groups, query) => ({
  type: 'log',
  properties: {
    title,
    region: '${AWS::Region}',
    view: 'table',
    query: [...groups.map((group) => `SOURCE '${group}'`), ...query].join(' | '),
  },
});

const HOUR = 3_600;
/** The threshold of the alarm on full pools. */
const FULL = 85;

/** Extrapolates the growth of the last hours: CloudWatch has no better forecast for a graph. */
const fullest = graph(
  'The fullest pool (%), and in a day at this pace',
  [
    berth('FullestPool', { id: 'full', label: 'the fullest' }),
    [{ id: 'soon', label: 'in a day at this pace', expression: `full + ${24 * HOUR} * RATE(FILL(full, REPEAT))` }],
  ],
  {
    ...{ stat: 'Maximum', period: HOUR, yAxis: { left: { min: 0 } } },
    annotations: { horizontal: [{ value: FULL, label: 'alarm' }] },
  },
);

const NAMED = [0, 1, 2].flatMap((i) => ['space', 'cidr', 'held', 'size'].map((field) => `fullest.${i}.${field}`));

function widgets(stage) {
  const functions = ofFunctions(stage);
  const group = (name) => `/aws/lambda/berth-${stage}-${name}`;
  return [
    functions('Calls', 'Invocations', 'Sum', ALL),
    functions('Crashes and time-outs', 'Errors', 'Sum', ALL),
    functions('Throttled calls (429)', 'Throttles', 'Sum', ALL),
    functions('Duration, median (ms)', 'Duration', 'p50', SERVING),
    functions('Duration, one in a hundred (ms)', 'Duration', 'p99', SERVING),
    functions('Calls at once', 'ConcurrentExecutions', 'Maximum', ALL),
    fullest,
    graph('Refused because nothing is left', [berth('NoAddressLeft'), berth('NoPoolLeft')]),
    graph('Addresses held', [berth('AddressesHeld')], { stat: 'Maximum', period: HOUR }),
    graph('Hosts', [
      berth('FencedHosts', { label: 'fenced now', stat: 'Maximum' }),
      berth('Fenced', { label: 'newly fenced' }),
      berth('Deaths', { label: 'dead' }),
      berth('Drains', { label: 'draining' }),
    ]),
    graph('Time since the last full sweep (s)', [berth('SweepLag')], { stat: 'Maximum' }),
    graph('History: seconds behind', [berth('HistoryLag')], { stat: 'Maximum' }),
    graph('Freed by the sweep', [berth('Leases'), berth('Reservations'), berth('Pools'), berth('Announcements')]),
    graph('Calls that failed', [berth('Failures')]),
    graph('The table: units', [table('ConsumedWriteCapacityUnits'), table('ConsumedReadCapacityUnits')]),
    graph('The table: throttled', [table('WriteThrottleEvents'), table('ReadThrottleEvents')]),
    logs(
      'The fullest pools',
      [group('sweep')],
      [
        `fields @timestamp, ${NAMED.join(', ')}`,
        `filter message = 'swept' and pools > 0`,
        'sort @timestamp desc',
        'limit 5',
      ],
    ),
    logs('What failed, and what was refused', SERVING.map(group), [
      'fields @timestamp, message, method, request, host, code, reason, error.message',
      `filter message = 'failed' or message = 'refused'`,
      'sort @timestamp desc',
      'limit 50',
    ]),
  ];
}

const placed = (widget, i) => ({
  ...{ x: (i % 3) * WIDTH, y: Math.floor(i / 3) * HEIGHT, width: WIDTH, height: HEIGHT },
  ...widget,
});

/** Called by osls, as `file()` of serverless.yml. */
export async function dashboard({ resolveVariable }) {
  return JSON.stringify({ widgets: widgets(await resolveVariable('sls:stage')).map(placed) });
}
