/** The conditions on what hosts leave behind, each with a test of the contract that fails without it. */
import type { Guard } from './guards.ts';

export const lifeGuards: readonly Guard[] = [
  {
    what: 'a reference sleeps, wakes and ends only in the state that was read',
    edit: {
      within: 'refWrites',
      find: "ConditionExpression: '#state = :seen AND epoch = :seenEpoch',",
      replace: "ConditionExpression: '(#state = :seen OR attribute_exists(pk)) AND epoch = :seenEpoch',",
    },
    test: 'change only in exactly the state that was read',
  },
  {
    what: 'a reference sleeps, wakes and ends only in the epoch that was read',
    edit: {
      within: 'refWrites',
      find: "ConditionExpression: '#state = :seen AND epoch = :seenEpoch',",
      replace: "ConditionExpression: '#state = :seen AND (epoch = :seenEpoch OR attribute_exists(pk))',",
    },
    test: 'change only in exactly the epoch that was read',
  },
  {
    what: 'a reference is revived only where there is no other',
    edit: {
      within: 'asSeen',
      find: "{ ConditionExpression: 'attribute_not_exists(sk)' }",
      replace: "{ ConditionExpression: 'attribute_not_exists(sk) OR attribute_exists(sk)' }",
    },
    test: 'are revived where there is no other, or exactly as they were read',
  },
  {
    what: 'a reference is revived only in the state that was read',
    edit: {
      within: 'asSeen',
      find: "'#state = :seen AND epoch = :seenEpoch AND requestKey = :seenKey'",
      replace: "'(#state = :seen OR attribute_exists(pk)) AND epoch = :seenEpoch AND requestKey = :seenKey'",
    },
    test: 'are not revived in another state, epoch or call than was read',
  },
  {
    what: 'a reference is revived only in the epoch that was read',
    edit: {
      within: 'asSeen',
      find: "'#state = :seen AND epoch = :seenEpoch AND requestKey = :seenKey'",
      replace: "'#state = :seen AND (epoch = :seenEpoch OR attribute_exists(pk)) AND requestKey = :seenKey'",
    },
    test: 'are not revived in another state, epoch or call than was read',
  },
  {
    what: 'a reference is revived only if the call that was read wrote it',
    edit: {
      within: 'asSeen',
      find: "'#state = :seen AND epoch = :seenEpoch AND requestKey = :seenKey'",
      replace: "'#state = :seen AND epoch = :seenEpoch AND (requestKey = :seenKey OR attribute_exists(pk))'",
    },
    test: 'are not revived in another state, epoch or call than was read',
  },
  {
    what: 'a reference that an earlier attempt has revived counts as ours',
    edit: {
      within: 'refWrites',
      find: 'return standing?.requestKey === ref.requestKey && standing.state === ref.state;',
      replace: 'return standing === null;',
    },
    test: 'a revival succeeds when repeated',
  },
  {
    what: 'a reference that another call has revived does not count as ours',
    edit: {
      within: 'refWrites',
      find: 'standing?.requestKey === ref.requestKey && standing.state === ref.state',
      replace: 'standing?.state === ref.state',
    },
    test: 'a repeated revival that comes too late does not count as ours',
  },
  {
    what: 'a revived reference that has ended since does not count as ours',
    edit: {
      within: 'refWrites',
      find: 'standing?.requestKey === ref.requestKey && standing.state === ref.state',
      replace: 'standing?.requestKey === ref.requestKey',
    },
    test: 'a repeated revival that comes too late does not count as ours',
  },
  {
    what: 'a state that an earlier attempt has set counts as ours',
    edit: {
      within: 'refWrites',
      find: ' || (result.standing !== undefined && stands(decodeRef(result.standing), next))',
      replace: '',
    },
    test: 'a change of the state of a reference succeeds when repeated',
  },
  {
    what: 'a state that another call has set does not count as ours',
    edit: { within: 'stands', find: '  ref.state === next.state &&\n', replace: '' },
    test: 'a repeated change of the state of a reference that comes too late does not count as ours',
  },
  {
    what: 'a reference that has ended keeps the time of its end',
    edit: { within: 'refWrites', find: 'if_not_exists(endedAt, :endedAt)', replace: ':endedAt' },
    test: 'keep the time at which they first ended, however often they are ended',
  },
  {
    what: 'only a reference that is gone is removed',
    edit: {
      within: 'refWrites',
      find: "ConditionExpression: '#state = :gone',",
      replace: "ConditionExpression: '#state = :gone OR attribute_exists(pk)',",
    },
    test: 'are removed only when they have ended',
  },
  {
    what: 'a tombstone that an earlier attempt has removed counts as removed',
    edit: { within: 'refWrites', find: ' || (result.standing === undefined && result.attempts > 1)', replace: '' },
    test: 'a repeated removal of a tombstone counts as removed',
  },
  {
    what: 'a chunk is removed only when none of its slots is held',
    edit: {
      within: 'NOT_HELD',
      find: '`(attribute_not_exists(${slot}) OR ${slot} < :leased)`',
      replace: '`(attribute_not_exists(${slot}) OR ${slot} < :leased OR attribute_exists(pk))`',
    },
    test: 'stay while any of their slots is leased or reserved',
  },
  {
    what: 'all sixteen slots of a chunk are checked before it is removed',
    edit: {
      within: 'NOTHING_HELD',
      find: 'Array.from({ length: CHUNK_SIZE }, (_, slot) => NOT_HELD',
      replace: 'Array.from({ length: CHUNK_SIZE - 1 }, (_, slot) => NOT_HELD',
    },
    test: 'stay while any of their slots is leased or reserved',
  },
  {
    what: 'a table has one home',
    edit: {
      within: 'home',
      find: "ConditionExpression: 'attribute_not_exists(pk)',",
      replace: "ConditionExpression: 'attribute_not_exists(pk) OR attribute_exists(pk)',",
    },
    test: 'gives a table to one Region: the first that claims it',
  },
  {
    what: 'a table has one key for seals',
    edit: {
      within: 'readOrMake',
      find: "ConditionExpression: 'attribute_not_exists(pk)',",
      replace: "ConditionExpression: 'attribute_not_exists(pk) OR attribute_exists(pk)',",
    },
    test: 'are made with one key, even if many processes need the first one at once',
  },
];
