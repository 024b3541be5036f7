/** The conditions on the settings of a space, each with a test of the contract that fails without it. */
import type { Guard } from './guards.ts';

const TERM = 'goes up by one, and only one of many callers that raise it at once succeeds';

export const spaceGuards: readonly Guard[] = [
  {
    what: 'the first term is raised only where there is no other',
    edit: {
      within: 'spaces',
      find: "'attribute_not_exists(pk)' : '#term = :seen'",
      replace: "'attribute_not_exists(nothing)' : '#term = :seen'",
    },
    test: TERM,
  },
  {
    what: 'a term is raised only as it was read',
    edit: { within: 'spaces', find: ": '#term = :seen',", replace: ": '(#term = :seen OR attribute_exists(pk))'," },
    test: TERM,
  },
  {
    what: 'a space is set only where no other call has set it',
    edit: {
      within: 'asSeen',
      find: "ConditionExpression: 'attribute_not_exists(rev)', values",
      replace: "ConditionExpression: '(attribute_exists(pk) OR attribute_not_exists(pk))', values",
    },
    test: 'are written where the space does not have any, and read back unchanged',
  },
  {
    what: 'a space is changed only as it was read',
    edit: {
      within: 'asSeen',
      find: "ConditionExpression: 'rev = :seen', values",
      replace: "ConditionExpression: '(rev = :seen OR attribute_exists(pk))', values",
    },
    test: 'are changed only as they were read, and a setting that is left out is removed',
  },
  {
    what: 'a setting that is left out is removed',
    edit: { within: 'settingAll', find: '` REMOVE ${taken.map(', replace: "''; void `${taken.map(" },
    test: 'are changed only as they were read, and a setting that is left out is removed',
  },
  {
    what: 'settings that an earlier attempt has written count as ours',
    edit: {
      within: 'spaces',
      find: 'standing?.rev !== undefined && ours.has(standing.rev) ? standing : undefined',
      replace: 'undefined',
    },
    test: 'writing the settings of a space succeeds when repeated',
  },
  {
    what: 'settings that another call has written do not count as ours',
    edit: {
      within: 'spaces',
      find: 'standing?.rev !== undefined && ours.has(standing.rev) ? standing : undefined',
      replace: 'standing',
    },
    test: 'repeated settings of a space that come too late do not count as ours',
  },
];
