/** The conditions of the store, each with a test of its contract that fails without it (docs/data-model.md). */
import type { Edit } from '../../support/mutant.ts';
import { hostGuards } from './host-guards.ts';
import { lifeGuards } from './life-guards.ts';
import { spaceGuards } from './space-guards.ts';

export interface Guard {
  readonly what: string;
  readonly edit: Edit;
  /** The test of the contract that fails without it. */
  readonly test: string;
}

/** A condition that holds for every item, and uses up values that would be left over. */
const ALWAYS = '(attribute_exists(pk) OR attribute_not_exists(pk))';

export const guards: readonly Guard[] = [
  ...hostGuards,
  ...lifeGuards,
  ...spaceGuards,
  {
    what: 'a pool is announced only where there is no other',
    edit: {
      within: 'poolWrites',
      find: "ConditionExpression: 'attribute_not_exists(pk)',",
      replace: `ConditionExpression: '${ALWAYS}',`,
    },
    test: 'announces a pool where there is no other, and otherwise returns the existing one',
  },
  {
    what: 'an announcement that an earlier attempt has written counts as ours',
    edit: {
      within: 'poolWrites',
      find: 'ours.has(standing.rev) ? { announced: standing } : { standing }',
      replace: '{ standing }',
    },
    test: 'a repeated announcement leaves one announcement, which counts as ours',
  },
  {
    what: 'an existing announcement does not count as ours',
    edit: {
      within: 'poolWrites',
      find: 'ours.has(standing.rev) ? { announced: standing } : { standing }',
      replace: '{ announced: standing }',
    },
    test: 'a repeated announcement where another exists does not make that one ours',
  },
  {
    what: 'a pool is changed or removed only as it was read',
    edit: {
      within: 'exactly',
      find: "ConditionExpression: 'rev = :seen',",
      replace: "ConditionExpression: 'rev = :seen OR attribute_exists(pk)',",
    },
    test: 'change one pool: one wins',
  },
  {
    what: 'a change that an earlier attempt has written counts as ours',
    edit: {
      within: 'poolWrites',
      find: 'standing !== undefined && ours.has(standing.rev) ? standing : undefined',
      replace: 'undefined',
    },
    test: 'a repeated change of a pool returns the pool as it is now',
  },
  {
    what: 'a change of another call does not count as ours',
    edit: {
      within: 'poolWrites',
      find: 'standing !== undefined && ours.has(standing.rev) ? standing',
      replace: 'standing' + ' !== undefined ? standing',
    },
    test: 'a repeated change of a pool that another call has changed does not make the change ours',
  },
  {
    what: 'a pool that an earlier attempt has removed counts as removed',
    edit: { within: 'poolWrites', find: ' || (result.standing === undefined && result.attempts > 1)', replace: '' },
    test: 'a repeated removal of a pool counts as removed',
  },
  {
    what: 'a pool that another call has removed does not count as removed by us',
    edit: {
      within: 'poolWrites',
      find: '(result.standing === undefined && result.attempts > 1)',
      replace: 'result.standing === undefined',
    },
    test: 'remove one pool: one wins',
  },
  {
    what: 'a reference is added only where there is no other',
    edit: {
      within: 'refWrites',
      find: "ConditionExpression: 'attribute_not_exists(pk)' }",
      replace: `ConditionExpression: '${ALWAYS}' }`,
    },
    test: 'ends a reference with a tombstone, which no later call revives',
  },
  {
    what: 'a reference that an earlier attempt has added counts as ours',
    edit: {
      within: 'refWrites',
      find: "return standing.requestKey === ref.requestKey && standing.state === 'live';",
      replace: 'return standing === undefined;',
    },
    test: 'adding a reference, listing its reservations and ending it succeed when repeated',
  },
  {
    what: 'a reference of another call does not count as ours',
    edit: {
      within: 'refWrites',
      find: "standing.requestKey === ref.requestKey && standing.state === 'live'",
      replace: "standing.state === 'live'",
    },
    test: 'a repeated addition of a reference that another call has added does not make it ours',
  },
  {
    what: 'a reference that has ended does not count as ours',
    edit: {
      within: 'refWrites',
      find: "standing.requestKey === ref.requestKey && standing.state === 'live'",
      replace: 'standing.requestKey === ref.requestKey',
    },
    test: 'a repeated addition of a reference that has ended since does not revive it',
  },
  {
    what: 'only a live reference lists what it keeps',
    edit: {
      within: 'keptUpdate',
      find: '`#state = :live AND epoch = :epoch AND kept = :seen',
      replace: '`(#state = :live OR attribute_exists(pk)) AND epoch = :epoch AND kept = :seen',
    },
    test: 'does not change a reference that is gone or of another epoch',
  },
  {
    what: 'only a reference of the epoch that was read lists what it keeps',
    edit: {
      within: 'keptUpdate',
      find: 'AND epoch = :epoch AND kept = :seen',
      replace: 'AND (epoch = :epoch OR attribute_exists(pk)) AND kept = :seen',
    },
    test: 'does not change a reference that is gone or of another epoch',
  },
  {
    what: 'what a reference keeps is changed only as it was read',
    edit: { within: 'keptUpdate', find: 'AND kept = :seen', replace: 'AND (kept = :seen OR attribute_exists(pk))' },
    test: 'list what one reference keeps: one wins',
  },
  {
    what: 'what a reference was first asked to keep is listed once',
    edit: { within: 'NEVER_ASKED', find: "'attribute_not_exists(asked)'", replace: `'${ALWAYS}'` },
    test: 'sets what a reference was asked to keep only if that is as it was read',
  },
  {
    what: 'what a reference was asked to keep is changed only as it was read',
    edit: { within: 'ASKED', find: "'asked = :asked'", replace: "'(asked = :asked OR attribute_exists(pk))'" },
    test: 'sets what a reference was asked to keep only if that is as it was read',
  },
  {
    what: 'a list that an earlier attempt has written counts as ours',
    edit: {
      within: 'refWrites',
      find: 'return keptText(standing) === keptText(kept) && askedText(standing) === askedText(kept);',
      replace: "return keptText(standing) === '' && askedText(standing) === 'none';",
    },
    test: 'adding a reference, listing its reservations and ending it succeed when repeated',
  },
  {
    what: 'a list of another call does not count as ours',
    edit: {
      within: 'refWrites',
      find: 'return keptText(standing) === keptText(kept) && askedText(standing) === askedText(kept);',
      replace: 'return true;',
    },
    test: 'a repeated listing of reservations that another call has changed does not make them ours',
  },
  {
    what: 'only a reference that exists is ended',
    edit: {
      within: 'refWrites',
      find: "ConditionExpression: 'attribute_exists(pk)',",
      replace: `ConditionExpression: '${ALWAYS}',`,
    },
    test: 'ends a reference with a tombstone, which no later call revives',
  },
  {
    what: 'a name is set only where there is no other',
    edit: {
      within: 'spaces',
      find: "{ ConditionExpression: 'attribute_not_exists(pk)' }",
      replace: `{ ConditionExpression: '${ALWAYS}' }`,
    },
    test: 'set one name: one wins',
  },
  {
    what: 'a name is changed only as it was read',
    edit: {
      within: 'spaces',
      find: "ConditionExpression: 'generation = :seen',",
      replace: "ConditionExpression: 'generation = :seen OR attribute_exists(pk)',",
    },
    test: 'lets one of several callers set a name',
  },
  {
    what: 'a name that an earlier attempt has set counts as ours',
    edit: {
      within: 'spaces',
      find: ' || (result.standing !== undefined && decodeName(result.standing).generation === generation)',
      replace: '',
    },
    test: 'setting a name succeeds when repeated',
  },
  {
    what: 'a name that another call has set does not count as ours',
    edit: { within: 'spaces', find: ' && decodeName(result.standing).generation === generation)', replace: ')' },
    test: 'a repeated setting of a name that another call has taken does not make it ours',
  },
  {
    what: 'only a slot that was never used counts as unused',
    edit: {
      within: 'UNUSED',
      find: "const UNUSED = 'attribute_not_exists(#slot)';",
      replace: "const UNUSED = '(attribute_not_exists(#slot) OR attribute_exists(#slot))';",
    },
    test: 'claim one slot: one wins, and every loser gets what the winner wrote',
  },
  {
    what: 'a slot that was asked for explicitly is spared',
    edit: {
      within: 'NOT_GIVEN',
      find: "'NOT begins_with(#sticky, :given)'",
      replace: "'(NOT begins_with(#sticky, :given) OR attribute_exists(pk))'",
    },
    test: 'spares a slot whose address was last asked for explicitly, if the claim says so',
  },
  {
    what: 'only a slot that has cooled down counts as free',
    edit: {
      within: 'FREE',
      find: 'const FREE = `${UNUSED} OR #slot < :cooled`;',
      replace: 'const FREE = `${UNUSED} OR #slot < :cooled OR attribute_exists(#slot)`;',
    },
    test: 'claims only a slot that was never used or has cooled down',
  },
  {
    what: 'a slot is written only as it was read',
    edit: {
      within: 'EXACTLY',
      find: "const EXACTLY = '#slot = :seen';",
      replace: "const EXACTLY = '(#slot = :seen OR attribute_exists(#slot))';",
    },
    test: 'writes a slot only if it has exactly the expected value',
  },
  {
    what: 'a release frees only an earlier lease of its own network',
    edit: {
      within: 'LEASED_BETWEEN',
      find: "const LEASED_BETWEEN = '#slot BETWEEN :from AND :to';",
      replace: "const LEASED_BETWEEN = '(#slot BETWEEN :from AND :to OR attribute_exists(#slot))';",
    },
    test: 'releases only leases of one reference that were asked for before, and keeps the sticky tag',
  },
  {
    what: 'a slot that an earlier attempt has written counts as ours',
    edit: {
      within: 'outcomeOf',
      find: 'return chunk.slots[place.slot] === value ? { written: true } : { written: false, chunk };',
      replace: 'return chunk.slots[place.slot] === value ? { written: false, chunk } : { written: false, chunk };',
    },
    test: 'a claim and a release of an address succeed when repeated',
  },
  {
    what: 'the loser of a write gets the whole chunk',
    edit: {
      within: 'Table.#condition',
      find: "ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const",
      replace: "ReturnValuesOnConditionCheckFailure: 'NONE' } as const",
    },
    test: 'returns the whole chunk to a claim that fails',
  },
];
