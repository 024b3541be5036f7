/** The conditions of the store, each with a test of its contract that falls without it (docs/data-model.md). */
import type { Edit } from '../../support/mutant.ts';
import { hostGuards } from './host-guards.ts';
import { lifeGuards } from './life-guards.ts';
import { spaceGuards } from './space-guards.ts';

export interface Guard {
  readonly what: string;
  readonly edit: Edit;
  /** A test of the contract that falls without it. */
  readonly test: string;
}

/** Holds for every item, and takes values that would be left over. */
const ALWAYS = '(attribute_exists(pk) OR attribute_not_exists(pk))';

export const guards: readonly Guard[] = [
  ...hostGuards,
  ...lifeGuards,
  ...spaceGuards,
  {
    what: 'a pool is announced where none stands',
    edit: {
      within: 'poolWrites',
      find: "ConditionExpression: 'attribute_not_exists(pk)',",
      replace: `ConditionExpression: '${ALWAYS}',`,
    },
    test: 'announces a pool where none stands, and returns the standing one otherwise',
  },
  {
    what: 'an announcement that an earlier attempt has written is ours',
    edit: {
      within: 'poolWrites',
      find: 'ours.has(standing.rev) ? { announced: standing } : { standing }',
      replace: '{ standing }',
    },
    test: 'of an announcement leaves one announcement, which is ours',
  },
  {
    what: 'no other announcement is',
    edit: {
      within: 'poolWrites',
      find: 'ours.has(standing.rev) ? { announced: standing } : { standing }',
      replace: '{ announced: standing }',
    },
    test: 'of an announcement that stood already does not make it ours',
  },
  {
    what: 'a pool is changed or removed as it was seen',
    edit: {
      within: 'exactly',
      find: "ConditionExpression: 'rev = :seen',",
      replace: "ConditionExpression: 'rev = :seen OR attribute_exists(pk)',",
    },
    test: 'change one pool: one does',
  },
  {
    what: 'a change that an earlier attempt has written is ours',
    edit: {
      within: 'poolWrites',
      find: 'standing !== undefined && ours.has(standing.rev) ? standing : undefined',
      replace: 'undefined',
    },
    test: 'of a change of a pool returns the pool as it is now',
  },
  {
    what: 'no other change is',
    edit: {
      within: 'poolWrites',
      find: 'standing !== undefined && ours.has(standing.rev) ? standing',
      replace: 'standing' + ' !== undefined ? standing',
    },
    test: 'of a change of a pool that another has changed does not make it ours',
  },
  {
    what: 'a pool that an earlier attempt has removed is removed',
    edit: { within: 'poolWrites', find: ' || (result.standing === undefined && result.attempts > 1)', replace: '' },
    test: 'of a removal counts as removed',
  },
  {
    what: 'a pool that somebody else has removed is not removed by us',
    edit: {
      within: 'poolWrites',
      find: '(result.standing === undefined && result.attempts > 1)',
      replace: 'result.standing === undefined',
    },
    test: 'remove one pool: one does',
  },
  {
    what: 'a reference is added where there is none',
    edit: {
      within: 'refWrites',
      find: "ConditionExpression: 'attribute_not_exists(pk)' }",
      replace: `ConditionExpression: '${ALWAYS}' }`,
    },
    test: 'ends a reference by a tombstone, which nothing brings back',
  },
  {
    what: 'a reference that an earlier attempt has added is ours',
    edit: {
      within: 'refWrites',
      find: "return standing.requestKey === ref.requestKey && standing.state === 'live';",
      replace: 'return standing === undefined;',
    },
    test: 'of a reference, its reservations and its end is no failure',
  },
  {
    what: 'a reference of another call is not',
    edit: {
      within: 'refWrites',
      find: "standing.requestKey === ref.requestKey && standing.state === 'live'",
      replace: "standing.state === 'live'",
    },
    test: 'of a reference that another call has added does not make it ours',
  },
  {
    what: 'a reference that has ended is not',
    edit: {
      within: 'refWrites',
      find: "standing.requestKey === ref.requestKey && standing.state === 'live'",
      replace: 'standing.requestKey === ref.requestKey',
    },
    test: 'of a reference that has ended since does not bring it back',
  },
  {
    what: 'only a live reference lists what it keeps',
    edit: {
      within: 'keptUpdate',
      find: '`#state = :live AND epoch = :epoch AND kept = :seen',
      replace: '`(#state = :live OR attribute_exists(pk)) AND epoch = :epoch AND kept = :seen',
    },
    test: 'changes nothing on a reference that is gone, or of another epoch',
  },
  {
    what: 'only the epoch that was seen lists what it keeps',
    edit: {
      within: 'keptUpdate',
      find: 'AND epoch = :epoch AND kept = :seen',
      replace: 'AND (epoch = :epoch OR attribute_exists(pk)) AND kept = :seen',
    },
    test: 'changes nothing on a reference that is gone, or of another epoch',
  },
  {
    what: 'what a reference keeps is changed as it was seen',
    edit: { within: 'keptUpdate', find: 'AND kept = :seen', replace: 'AND (kept = :seen OR attribute_exists(pk))' },
    test: 'list what one reference keeps: one does',
  },
  {
    what: 'what a reference was first asked to keep is listed once',
    edit: { within: 'NEVER_ASKED', find: "'attribute_not_exists(asked)'", replace: `'${ALWAYS}'` },
    test: 'sets what a reference was asked to keep, on what was seen',
  },
  {
    what: 'what a reference was asked to keep is changed as it was seen',
    edit: { within: 'ASKED', find: "'asked = :asked'", replace: "'(asked = :asked OR attribute_exists(pk))'" },
    test: 'sets what a reference was asked to keep, on what was seen',
  },
  {
    what: 'a list that an earlier attempt has written is ours',
    edit: {
      within: 'refWrites',
      find: 'return keptText(standing) === keptText(kept) && askedText(standing) === askedText(kept);',
      replace: "return keptText(standing) === '' && askedText(standing) === 'none';",
    },
    test: 'of a reference, its reservations and its end is no failure',
  },
  {
    what: 'no other list is',
    edit: {
      within: 'refWrites',
      find: 'return keptText(standing) === keptText(kept) && askedText(standing) === askedText(kept);',
      replace: 'return true;',
    },
    test: 'of reservations that another call has changed does not make them ours',
  },
  {
    what: 'only a reference that exists is ended',
    edit: {
      within: 'refWrites',
      find: "ConditionExpression: 'attribute_exists(pk)',",
      replace: `ConditionExpression: '${ALWAYS}',`,
    },
    test: 'ends a reference by a tombstone, which nothing brings back',
  },
  {
    what: 'a name is set where there is none',
    edit: {
      within: 'spaces',
      find: "{ ConditionExpression: 'attribute_not_exists(pk)' }",
      replace: `{ ConditionExpression: '${ALWAYS}' }`,
    },
    test: 'set one name: one does',
  },
  {
    what: 'a name is changed as it was seen',
    edit: {
      within: 'spaces',
      find: "ConditionExpression: 'generation = :seen',",
      replace: "ConditionExpression: 'generation = :seen OR attribute_exists(pk)',",
    },
    test: 'lets one of several set a name',
  },
  {
    what: 'a name that an earlier attempt has set is ours',
    edit: {
      within: 'spaces',
      find: ' || (result.standing !== undefined && decodeName(result.standing).generation === generation)',
      replace: '',
    },
    test: 'of a name is no failure',
  },
  {
    what: 'no other name is',
    edit: { within: 'spaces', find: ' && decodeName(result.standing).generation === generation)', replace: ')' },
    test: 'of a name that another has taken does not make it ours',
  },
  {
    what: 'a slot is claimed that was never used',
    edit: {
      within: 'UNUSED',
      find: "const UNUSED = 'attribute_not_exists(#slot)';",
      replace: "const UNUSED = '(attribute_not_exists(#slot) OR attribute_exists(#slot))';",
    },
    test: 'claim one slot: one wins, and every loser is shown what the winner wrote',
  },
  {
    what: 'or one that nobody counts on',
    edit: {
      within: 'NOT_GIVEN',
      find: "'NOT begins_with(#sticky, :given)'",
      replace: "'(NOT begins_with(#sticky, :given) OR attribute_exists(pk))'",
    },
    test: 'spares a slot that was last asked for by its name, where that is wanted',
  },
  {
    what: 'or one that has cooled down',
    edit: {
      within: 'FREE',
      find: 'const FREE = `${UNUSED} OR #slot < :cooled`;',
      replace: 'const FREE = `${UNUSED} OR #slot < :cooled OR attribute_exists(#slot)`;',
    },
    test: 'claims a slot that was never used, or has cooled down, and no other',
  },
  {
    what: 'a slot is written as it was seen',
    edit: {
      within: 'EXACTLY',
      find: "const EXACTLY = '#slot = :seen';",
      replace: "const EXACTLY = '(#slot = :seen OR attribute_exists(#slot))';",
    },
    test: 'writes on an exact value',
  },
  {
    what: 'a lease of one network is freed that was asked for before',
    edit: {
      within: 'LEASED_BETWEEN',
      find: "const LEASED_BETWEEN = '#slot BETWEEN :from AND :to';",
      replace: "const LEASED_BETWEEN = '(#slot BETWEEN :from AND :to OR attribute_exists(#slot))';",
    },
    test: 'releases the leases of one reference that were asked for before, and keeps the sticky tag',
  },
  {
    what: 'a slot that an earlier attempt has written is ours',
    edit: {
      within: 'outcomeOf',
      find: 'return chunk.slots[place.slot] === value ? { written: true } : { written: false, chunk };',
      replace: 'return chunk.slots[place.slot] === value ? { written: false, chunk } : { written: false, chunk };',
    },
    test: 'of a claim and of a release is no failure',
  },
  {
    what: 'who loses is shown what stands there',
    edit: {
      within: 'Table.#condition',
      find: "ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const",
      replace: "ReturnValuesOnConditionCheckFailure: 'NONE' } as const",
    },
    test: 'returns the whole chunk to who loses',
  },
];
