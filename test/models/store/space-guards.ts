/** The conditions on the settings of a space, each with a test of the contract that falls without it. */
import type { Guard } from './guards.ts';

const TERM = 'is a number that goes up by one, and belongs to one of many who raise it at once';

export const spaceGuards: readonly Guard[] = [
  {
    what: 'the first term is raised where there is none',
    edit: {
      within: 'spaces',
      find: "'attribute_not_exists(pk)' : '#term = :seen'",
      replace: "'attribute_not_exists(nothing)' : '#term = :seen'",
    },
    test: TERM,
  },
  {
    what: 'a term is raised as it was seen',
    edit: { within: 'spaces', find: ": '#term = :seen',", replace: ": '(#term = :seen OR attribute_exists(pk))'," },
    test: TERM,
  },
  {
    what: 'a space is set where nobody has set it',
    edit: {
      within: 'asSeen',
      find: "ConditionExpression: 'attribute_not_exists(rev)', values",
      replace: "ConditionExpression: '(attribute_exists(pk) OR attribute_not_exists(pk))', values",
    },
    test: 'are written where there are none, and read back as they were',
  },
  {
    what: 'a space is changed as it was seen',
    edit: {
      within: 'asSeen',
      find: "ConditionExpression: 'rev = :seen', values",
      replace: "ConditionExpression: '(rev = :seen OR attribute_exists(pk))', values",
    },
    test: 'are changed only as they were seen, and what is not set any more is gone',
  },
  {
    what: 'what is not set any more is taken away',
    edit: { within: 'settingAll', find: '` REMOVE ${taken.map(', replace: "''; void `${taken.map(" },
    test: 'are changed only as they were seen, and what is not set any more is gone',
  },
  {
    what: 'settings that an earlier attempt has written are ours',
    edit: {
      within: 'spaces',
      find: 'standing?.rev !== undefined && ours.has(standing.rev) ? standing : undefined',
      replace: 'undefined',
    },
    test: 'of settings of a space is no failure',
  },
  {
    what: 'no other settings are',
    edit: {
      within: 'spaces',
      find: 'standing?.rev !== undefined && ours.has(standing.rev) ? standing : undefined',
      replace: 'standing',
    },
    test: 'of settings of a space that came too late does not make them ours',
  },
];
