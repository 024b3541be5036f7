/** The conditions on hosts, each with a test of the contract that falls without it. */
import type { Guard } from './guards.ts';

export const hostGuards: readonly Guard[] = [
  {
    what: 'a host is registered where there is none',
    edit: {
      within: 'conditionOf',
      find: "ConditionExpression: 'attribute_not_exists(pk)', values",
      replace: "ConditionExpression: '(attribute_exists(pk) OR attribute_not_exists(pk))', values",
    },
    test: 'writes a host where there is none, and reads back what it was',
  },
  {
    what: 'a host is changed as it was seen',
    edit: {
      within: 'conditionOf',
      find: "ConditionExpression: 'rev = :seen', values",
      replace: "ConditionExpression: '(rev = :seen OR attribute_exists(pk))', values",
    },
    test: 'writes a host only as it was seen, and sets a fresh rev',
  },
  {
    what: 'a host that an earlier attempt has written is ours',
    edit: {
      within: 'hosts',
      find: 'standing !== undefined && ours.has(standing.rev) ? standing : undefined',
      replace: 'undefined',
    },
    test: 'of a registration is no failure',
  },
  {
    what: 'no other host is',
    edit: {
      within: 'hosts',
      find: 'standing !== undefined && ours.has(standing.rev) ? standing',
      replace: 'standing' + ' !== undefined ? standing',
    },
    test: 'of a registration that came too late does not make it ours',
  },
];
