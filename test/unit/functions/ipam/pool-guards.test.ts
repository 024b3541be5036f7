/** The tests of what a process remembers of spaces fail when a guard is missing. */
import { type Guard, eachIsMissed } from '../../../support/guards.ts';

const FULL_SPACE = 'test/unit/functions/ipam/full-space.test.ts';
const SURVEY = 'test/unit/functions/ipam/survey.test.ts';
const LIMITS = 'test/unit/functions/ipam/limits.test.ts';

const guards: readonly Guard[] = [
  {
    what: 'a refusal rests on a survey of any age',
    edit: { within: 'Survey.isFresh', find: '&& now < this.began + SURVEY_LIFETIME_MS', replace: '' },
    test: {
      file: FULL_SPACE,
      title: 'has room for a subnet that another process has released once the survey is 30 s old',
    },
  },
  {
    what: 'a refusal rests on a survey from the future',
    edit: { within: 'Survey.isFresh', find: 'this.began <= now && ', replace: '' },
    test: { file: FULL_SPACE, title: 'is surveyed again when the clock was set back' },
  },
  {
    what: 'a survey that becomes too old within a call counts as fresh',
    edit: { within: 'createAutomaticPool', find: '!survey.isFresh(deps.world.now())', replace: 'ring.count === 0n' },
    test: { file: SURVEY, title: 'refuses nothing when it has become too old within a call' },
  },
  {
    what: 'a release leaves the survey as it is',
    edit: { within: 'releasePool', find: 'if (!livesOn) deps.memory.surveys.forget(space);', replace: '' },
    test: { file: FULL_SPACE, title: 'has room at once for a subnet that the same process has released' },
  },
  {
    what: 'a survey that missed a release is kept',
    edit: { within: 'Surveys.forget', find: 'this.#underWay = new WeakSet();', replace: '' },
    test: { file: FULL_SPACE, title: 'is surveyed again when the process has released a subnet after' },
  },
  {
    what: 'a survey counts for every space',
    edit: { within: 'keyOf', find: 'space, ring.size,', replace: 'ring.size,' },
    test: { file: FULL_SPACE, title: 'holds for one space, family and size' },
  },
  {
    what: 'a survey counts for the former ranges of a space',
    edit: { within: 'keyOf', find: '...ring.parts.map(({ range }) => formatCidr(range)),', replace: '' },
    test: { file: FULL_SPACE, title: 'holds for one space, family and size' },
  },
  {
    what: 'the routes of a host become part of its survey',
    edit: { within: 'Survey.#obstacles', find: '?? avoid.meets(range)', replace: '' },
    test: { file: FULL_SPACE, title: 'does not refuse a host with other routes' },
  },
  {
    what: 'a survey keeps each small pool by itself',
    edit: { within: 'Survey.#take', find: 'Math.min(prefix, size)', replace: 'prefix' },
    test: { file: FULL_SPACE, title: 'is one range, however small the pools are' },
  },
  {
    what: 'a copy of an attempt is refused by a process that knows nothing',
    edit: { within: 'createAutomaticPool', find: 'round === 0 && recalled === undefined ?', replace: 'round < 0 ?' },
    test: { file: FULL_SPACE, title: 'in a space that is full by then' },
  },
  {
    what: 'a copy of an attempt draws among the gaps that an earlier host did not have',
    edit: { within: 'createAutomaticPool', find: 'if (recalled !== undefined) {', replace: 'if (ring.count < 0n) {' },
    test: { file: FULL_SPACE, title: 'by a process that knows of another gap' },
  },
  {
    what: 'a copy of an attempt takes the survey with it',
    edit: { within: 'createAutomaticPool', find: '      surveys.keep(recalled);\n', replace: '' },
    test: { file: FULL_SPACE, title: 'in a space that is full by then, which the process still knows' },
  },
  {
    what: 'a request that goes on with a survey draws where that began',
    edit: { within: 'createAutomaticPool', find: 'survey.firstClear(own, drawn)', replace: 'survey.firstClear(own)' },
    test: { file: SURVEY, title: 'leaves a request the subnet that it draws first' },
  },
  {
    what: 'a survey that has read nothing is kept',
    edit: { within: 'Surveys.keep', find: 'survey.known === 0n || ', replace: '' },
    test: { file: FULL_SPACE, title: 'is nothing after a refusal for which no subnet was read' },
  },
  {
    what: 'a survey that was cut off is not kept',
    edit: { within: 'createAutomaticPool', find: 'isFull && surveys.keep(survey)', replace: 'false' },
    test: { file: SURVEY, title: 'goes on at the next call' },
  },
  {
    what: 'a survey that was not kept is promised',
    edit: { within: 'createAutomaticPool', find: 'isKept ?', replace: 'isFull ?' },
    test: { file: SURVEY, title: 'promises nothing when it is not kept' },
  },
  {
    what: 'a page is read whatever time is left',
    edit: {
      within: 'Survey.#pageBy',
      find: 'Math.min(this.#page, Math.floor((deadline - now) / this.#msPerPool))',
      replace: 'now < deadline ? this.#page : 0',
    },
    test: { file: SURVEY, title: 'goes on at the next call' },
  },
  {
    what: 'two calls go on with one survey',
    edit: { within: 'Surveys.take', find: 'this.#kept.delete(key);', replace: '' },
    test: { file: SURVEY, title: 'is continued by one of two calls that come at once' },
  },
  {
    what: 'a pool is counted before its page is read, and again then',
    edit: {
      within: 'Survey.extend',
      find: 'const [partEnd, lapEnd] = [part.start + part.count, at + ring.count - this.known];',
      replace: 'const partEnd = part.start + part.count; const lapEnd = partEnd;',
    },
    test: { file: SURVEY, title: 'knows the gaps, and counts each pool once' },
  },
  {
    what: 'announcements are not read again',
    edit: { within: 'createAutomaticPool', find: 'await survey.recheck(deps);', replace: '' },
    test: { file: SURVEY, title: 'is surveyed once, and has room when the announcement is withdrawn' },
  },
  {
    what: 'announcements are read again without end',
    edit: { within: 'createAutomaticPool', find: 'pause = Math.min(2 * pause, MAX_RECHECK_PAUSE_MS);', replace: '' },
    test: { file: SURVEY, title: 'is not refused before that is clear' },
  },
  {
    what: 'an announcement counts as a pool that stays',
    edit: { within: 'createAutomaticPool', find: 'survey.hasPending', replace: 'ring.count === 0n' },
    test: { file: SURVEY, title: 'is not refused before that is clear' },
  },
  {
    what: 'a count from the future shows room',
    edit: { within: 'PoolCounts.showRoom', find: '|| now < count.began', replace: '' },
    test: { file: LIMITS, title: 'is counted by space and family, and again when the clock was set back' },
  },
  {
    what: 'a count leaves out what the process has created since',
    edit: { within: 'PoolCounts.showRoom', find: 'if (hasRoom) count.pools++;', replace: '' },
    test: { file: LIMITS, title: 'is filled by one process to the last pool' },
  },
  {
    what: 'a count of one family counts for the other',
    edit: { within: 'placeOf', find: '`${space} ${cidr.family}`', replace: 'cidr.prefix > 128 ? space : space' },
    test: { file: LIMITS, title: 'is counted by space and family' },
  },
];

eachIsMissed(guards);
