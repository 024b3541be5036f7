/** The conditions on hosts, each with a test of the contract that fails without it. */
import type { Guard } from './guards.ts';

export const hostGuards: readonly Guard[] = [
  {
    what: 'a host is registered only where there is no other',
    edit: {
      within: 'conditionOf',
      find: "ConditionExpression: 'attribute_not_exists(pk)', values",
      replace: "ConditionExpression: '(attribute_exists(pk) OR attribute_not_exists(pk))', values",
    },
    test: 'writes a host where there is no other, and reads it back unchanged',
  },
  {
    what: 'a host is changed only as it was read',
    edit: {
      within: 'conditionOf',
      find: "ConditionExpression: 'rev = :seen', values",
      replace: "ConditionExpression: '(rev = :seen OR attribute_exists(pk))', values",
    },
    test: 'writes a host only as it was read, and sets a new rev',
  },
  {
    what: 'a host is removed only as it was read',
    edit: {
      within: 'hosts',
      find: '() => ({ ConditionExpression, ExpressionAttributeValues }));',
      replace: "() => ({ ConditionExpression: '(rev = :seen OR attribute_exists(pk))', ExpressionAttributeValues }));",
    },
    test: 'removes a host only as it was read',
  },
  {
    what: 'a host that an earlier attempt has written counts as ours',
    edit: {
      within: 'hosts',
      find: 'standing !== undefined && ours.has(standing.rev) ? standing : undefined',
      replace: 'undefined',
    },
    test: 'a registration succeeds when repeated',
  },
  {
    what: 'a host that another call has written does not count as ours',
    edit: {
      within: 'hosts',
      find: 'standing !== undefined && ours.has(standing.rev) ? standing',
      replace: 'standing' + ' !== undefined ? standing',
    },
    test: 'a repeated registration that comes too late does not count as ours',
  },
];
