/**
 * What each function may do with the tables: by leading key of the items. `index`, `scan`, `describe`, the `stream` of the table
 * and `history`, a table of its own, have none (docs/deployment.md).
 */
import type { FunctionName } from '../../../../infra/build.ts';

const [READ, CHANGE] = [
  ['GetItem', 'Query'],
  ['GetItem', 'UpdateItem'],
];

export const GRANTS: Record<FunctionName, Record<string, readonly string[]>> = {
  capabilities: {},
  pools: {
    'space#*': ['DeleteItem', 'PutItem', 'UpdateItem', ...READ],
    'pool#*': ['PutItem', 'UpdateItem', ...READ],
    'hosts#*': READ,
    key: CHANGE,
    index: ['Query'],
  },
  addresses: {
    'pool#*': ['UpdateItem', ...READ],
    'space#*': ['GetItem'],
    key: CHANGE,
    'hosts#*': ['GetItem'],
  },
  hosts: {
    'space#*': ['DeleteItem', 'PutItem', 'UpdateItem', ...READ],
    'pool#*': ['BatchGetItem', 'PutItem', 'UpdateItem', ...READ],
    'hosts#*': ['Query', ...CHANGE],
    key: CHANGE,
    home: ['PutItem'],
    index: ['Query'],
  },
  console: {
    'space#*': ['DeleteItem', 'Query', ...CHANGE],
    'pool#*': ['BatchGetItem', 'UpdateItem', ...READ],
    'hosts#*': ['Query', ...CHANGE],
    spaces: ['UpdateItem'],
    index: ['Query'],
  },
  viewer: {
    'space#*': READ,
    'pool#*': ['BatchGetItem', 'Query'],
    'hosts#*': READ,
    spaces: ['Query'],
    'usage#*': ['Query'],
    index: ['Query'],
    history: READ,
  },
  check: {
    'space#*': READ,
    'pool#*': ['BatchGetItem', ...READ],
    'hosts#*': ['GetItem'],
    scan: ['Scan'],
  },
  sweep: {
    'space#*': ['DeleteItem', ...CHANGE],
    'pool#*': ['BatchGetItem', 'DeleteItem', 'UpdateItem', ...READ],
    'hosts#*': ['DeleteItem', 'Query', ...CHANGE],
    sweep: ['GetItem', 'PutItem'],
    home: ['PutItem'],
    spaces: ['DeleteItem', 'PutItem', 'Query'],
    'usage#*': ['DeleteItem', 'PutItem', 'Query'],
    index: ['Query'],
    scan: ['Scan'],
  },
  history: {
    describe: ['DescribeTable'],
    scan: ['Scan'],
    stream: ['DescribeStream', 'GetRecords', 'GetShardIterator'],
    history: ['GetItem', 'PutItem'],
  },
};
