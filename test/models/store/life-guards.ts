/** The conditions on what hosts leave behind, each with a test of the contract that falls without it. */
import type { Guard } from './guards.ts';

export const lifeGuards: readonly Guard[] = [
  {
    what: 'a reference sleeps, wakes and ends in the state that was seen',
    edit: {
      within: 'refWrites',
      find: "ConditionExpression: '#state = :seen AND epoch = :seenEpoch',",
      replace: "ConditionExpression: '(#state = :seen OR attribute_exists(pk)) AND epoch = :seenEpoch',",
    },
    test: 'change only in the very state that was seen',
  },
  {
    what: 'a reference sleeps, wakes and ends in the epoch that was seen',
    edit: {
      within: 'refWrites',
      find: "ConditionExpression: '#state = :seen AND epoch = :seenEpoch',",
      replace: "ConditionExpression: '#state = :seen AND (epoch = :seenEpoch OR attribute_exists(pk))',",
    },
    test: 'change only in the very epoch that was seen',
  },
  {
    what: 'a reference is revived where there is none',
    edit: {
      within: 'asSeen',
      find: "{ ConditionExpression: 'attribute_not_exists(sk)' }",
      replace: "{ ConditionExpression: 'attribute_not_exists(sk) OR attribute_exists(sk)' }",
    },
    test: 'are revived where there is none, or as they were seen',
  },
  {
    what: 'a reference is revived in the state that was seen',
    edit: {
      within: 'asSeen',
      find: "'#state = :seen AND epoch = :seenEpoch AND requestKey = :seenKey'",
      replace: "'(#state = :seen OR attribute_exists(pk)) AND epoch = :seenEpoch AND requestKey = :seenKey'",
    },
    test: 'are not revived in another state, epoch or call than was seen',
  },
  {
    what: 'a reference is revived in the epoch that was seen',
    edit: {
      within: 'asSeen',
      find: "'#state = :seen AND epoch = :seenEpoch AND requestKey = :seenKey'",
      replace: "'#state = :seen AND (epoch = :seenEpoch OR attribute_exists(pk)) AND requestKey = :seenKey'",
    },
    test: 'are not revived in another state, epoch or call than was seen',
  },
  {
    what: 'a reference is revived in the call that was seen',
    edit: {
      within: 'asSeen',
      find: "'#state = :seen AND epoch = :seenEpoch AND requestKey = :seenKey'",
      replace: "'#state = :seen AND epoch = :seenEpoch AND (requestKey = :seenKey OR attribute_exists(pk))'",
    },
    test: 'are not revived in another state, epoch or call than was seen',
  },
  {
    what: 'a reference that an earlier attempt has revived is ours',
    edit: {
      within: 'refWrites',
      find: 'return standing?.requestKey === ref.requestKey && standing.state === ref.state;',
      replace: 'return standing === null;',
    },
    test: 'of a revival is no failure',
  },
  {
    what: 'a reference that another call has revived is not',
    edit: {
      within: 'refWrites',
      find: 'standing?.requestKey === ref.requestKey && standing.state === ref.state',
      replace: 'standing?.state === ref.state',
    },
    test: 'of a revival that came too late does not make it ours',
  },
  {
    what: 'a revived reference that has ended since is not',
    edit: {
      within: 'refWrites',
      find: 'standing?.requestKey === ref.requestKey && standing.state === ref.state',
      replace: 'standing?.requestKey === ref.requestKey',
    },
    test: 'of a revival that came too late does not make it ours',
  },
  {
    what: 'a state that an earlier attempt has set is ours',
    edit: {
      within: 'refWrites',
      find: ' || (result.standing !== undefined && stands(decodeRef(result.standing), next))',
      replace: '',
    },
    test: 'of a change of the state of a reference is no failure',
  },
  {
    what: 'no other state is',
    edit: { within: 'stands', find: '  ref.state === next.state &&\n', replace: '' },
    test: 'of a change of the state of a reference that came too late does not make it ours',
  },
  {
    what: 'a reference that was ended keeps when',
    edit: { within: 'refWrites', find: 'if_not_exists(endedAt, :endedAt)', replace: ':endedAt' },
    test: 'keep when they ended, however often they are ended',
  },
  {
    what: 'only a reference that is gone is removed',
    edit: {
      within: 'refWrites',
      find: "ConditionExpression: '#state = :gone',",
      replace: "ConditionExpression: '#state = :gone OR attribute_exists(pk)',",
    },
    test: 'are removed when they are gone, and not before',
  },
  {
    what: 'a tombstone that an earlier attempt has removed is removed',
    edit: { within: 'refWrites', find: ' || (result.standing === undefined && result.attempts > 1)', replace: '' },
    test: 'of the removal of a tombstone counts as removed',
  },
  {
    what: 'a chunk is removed when nothing is held in it',
    edit: {
      within: 'NOT_HELD',
      find: '`(attribute_not_exists(${slot}) OR ${slot} < :leased)`',
      replace: '`(attribute_not_exists(${slot}) OR ${slot} < :leased OR attribute_exists(pk))`',
    },
    test: 'stay while any of their slots is leased or reserved',
  },
  {
    what: 'all sixteen slots of it are looked at',
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
    test: 'is of a table that one Region writes to: the first that says so',
  },
  {
    what: 'a table has one key for seals',
    edit: {
      within: 'readOrMake',
      find: "ConditionExpression: 'attribute_not_exists(pk)',",
      replace: "ConditionExpression: 'attribute_not_exists(pk) OR attribute_exists(pk)',",
    },
    test: 'are made with one key, whoever is the first to need it',
  },
];
