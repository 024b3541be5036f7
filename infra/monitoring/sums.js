/** Sums over several metrics for alarms, in the form of CloudFormation; osls calls these for `file()` in on.yml. */

const PERIOD = 300;

const metric = (id, Namespace, MetricName, Name, Ref) => ({
  Id: id,
  ReturnData: false,
  MetricStat: {
    Stat: 'Sum',
    Period: PERIOD,
    Metric: { Namespace, MetricName, Dimensions: [{ Name, Value: { Ref } }] },
  },
});

const sum = (metrics) => [{ Id: 'all', Expression: 'SUM(METRICS())' }, ...metrics];

const SERVING = ['capabilities', 'pools', 'addresses', 'hosts'];
const logical = (name) => `${name.charAt(0).toUpperCase()}${name.slice(1)}LambdaFunction`;
const ofFunctions = (names, name) =>
  sum(names.map((id) => metric(id, 'AWS/Lambda', name, 'FunctionName', logical(id))));

export const errors = () => ofFunctions([...SERVING, 'console', 'viewer', 'check', 'sweep', 'history'], 'Errors');
export const throttles = () => ofFunctions([...SERVING, 'sweep'], 'Throttles');
export const exhaustion = () =>
  sum([
    metric('addresses', 'Berth', 'NoAddressLeft', 'Table', 'Table'),
    metric('pools', 'Berth', 'NoPoolLeft', 'Table', 'Table'),
  ]);

/** The larger of the two shares, in percent. */
export const throughput = async ({ resolveVariable }) => {
  const concurrency = await resolveVariable('param:concurrency');
  const most = await resolveVariable(`file(infra/concurrency/${concurrency}.yml):table`);
  return [
    {
      Id: 'share',
      Expression: `100 / ${PERIOD} * MAX([writes / ${most.MaxWriteRequestUnits}, reads / ${most.MaxReadRequestUnits}])`,
    },
    metric('writes', 'AWS/DynamoDB', 'ConsumedWriteCapacityUnits', 'TableName', 'Table'),
    metric('reads', 'AWS/DynamoDB', 'ConsumedReadCapacityUnits', 'TableName', 'Table'),
  ];
};
