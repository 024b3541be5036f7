/** Each guard of the progress of sweeps and of their deadlines is needed: without it, a test fails. */
import { describe } from 'node:test';
import { eachIsMissed } from '../../../support/guards.ts';

const file = 'test/unit/functions/ipam/sweep-progress.test.ts';
const handlerTest = 'test/unit/functions/lambda/fleet-handler.test.ts';
const AT_ONCE = 2;

describe('a test fails without each guard of the progress of sweeps', { concurrency: AT_ONCE }, () => {
  eachIsMissed([
    {
      what: 'a part that fails does not stop the others',
      edit: {
        within: 'leavingOut',
        find: 'else report.failures.push({ part, error });',
        replace: 'else throw error;',
      },
      test: { file, title: 'visits all other hosts' },
    },
    {
      what: 'the handler reports a failure',
      edit: { within: 'sweepUntil', find: '  throwFailures({ failures });\n', replace: '' },
      test: { file: handlerTest, title: 'that fails in part reports each failure' },
    },
    {
      what: 'the handler fails only after it has reported what the sweep did',
      edit: {
        within: 'sweepUntil',
        find: 'await sweep(deadline);\n',
        replace: 'await sweep(deadline);\n  throwFailures({ failures });\n',
      },
      test: { file: handlerTest, title: 'that fails in part reports each failure' },
    },
    {
      what: 'progress that cannot be saved stops no part',
      edit: {
        within: 'sweep',
        find: 'await keep();\n        savedAt',
        replace: 'await save(cursor);\n        savedAt',
      },
      test: { file, title: 'goes on when its progress cannot be saved' },
    },
    {
      what: 'progress that cannot be saved at the end is a failure like others',
      edit: {
        within: 'sweep',
        find: '  await keep();\n  const lag',
        replace: '  await save(cursor);\n  const lag',
      },
      test: { file, title: 'says so when even the end is not saved' },
    },
    {
      what: 'the progress is saved now and then',
      edit: {
        within: 'sweep',
        find: 'if (world.now() < savedAt + SAVE_INTERVAL_MS) continue;',
        replace: 'continue;',
      },
      test: { file, title: 'saves its progress after the first step' },
    },
    {
      what: 'hosts get half of the time',
      edit: { within: 'sweep', find: 'began + (deadline - began) / 2', replace: 'deadline' },
      test: { file, title: 'leaves the walk half of the time' },
    },
    {
      what: 'hosts get all of the time when no walk is due',
      edit: { within: 'sweep', find: 'isWalkDue(from, began) ?', replace: 'isWalkDue(from, Infinity) ?' },
      test: { file, title: 'gives hosts all of the time when no walk is due' },
    },
    {
      what: 'a network that ends is freed until the deadline',
      edit: {
        within: 'reclaim',
        find: 'await freeHeld(deps, seen, deadline);',
        replace: 'await freeHeld(deps, seen, Infinity);',
      },
      test: { file, title: 'neither a death' },
    },
    {
      what: 'the walk passes its deadline on to what follows a host',
      edit: {
        within: 'follow',
        find: 'isLeftBehind(now, host), deadline)',
        replace: 'isLeftBehind(now, host))',
      },
      test: { file, title: 'nor the walk that meets the reference' },
    },
    {
      what: 'the walk passes its deadline on to the leases of tombstones',
      edit: { within: 'sweepTombstones', find: 'gone, deadline);', replace: 'gone);' },
      test: { file, title: 'nor the walk that meets the tombstone' },
    },
    {
      what: 'chunks are swept until the deadline',
      edit: {
        within: 'sweepChunks',
        find: 'const isOver = isOverFor(deps, shift);',
        replace: 'const isOver = () => false;',
      },
      test: { file, title: 'nor the walk that meets the leases' },
    },
    {
      what: 'references wake until the deadline of the call',
      edit: { within: 'eachRefOrTombstone', find: 'isStopped || world.now() >= deadline;', replace: 'isStopped;' },
      test: { file, title: 'is answered by the deadline of its call' },
    },
  ]);
});

/** A condition of the removal of a host, and the test of it. */
const removal = (what: string, find: string, replace: string, title: string) => ({
  what,
  edit: { within: 'removeLongGone', find, replace },
  test: { file: 'test/unit/functions/ipam/sweep.test.ts', title },
});

describe('a test fails without each condition on the removal of a host', { concurrency: AT_ONCE }, () => {
  eachIsMissed([
    removal(
      'only a dead or fenced host is removed',
      "  if (state !== 'dead' && state !== 'fenced') return false;\n",
      '',
      'keeps a host forever that is alive',
    ),
    removal(
      'an adopted host is not removed',
      'isAwaited || ',
      '',
      'keeps a host forever that waits for the machine that an operator named',
    ),
    removal(
      'a host with a former machine is not removed',
      "former !== '' || ownEpoch !== 0",
      "former === 'dead'",
      'keeps a host forever that took the place of a machine',
    ),
    removal(
      'a host with epochs of a former machine is not removed',
      ' || ownEpoch !== 0',
      '',
      'keeps a host forever that has epochs of a former machine',
    ),
    removal(
      'a host stays for a while',
      'changedAt, fencedAt, rivalAt, heardAt',
      '0',
      'removes a dead host a day later',
    ),
    removal(
      'a host stays after a word',
      'rivalAt, heardAt)',
      'rivalAt)',
      'keeps a dead host for a day after the last word',
    ),
    removal(
      'a claim of another machine prolongs that',
      'fencedAt, rivalAt',
      'fencedAt',
      'keeps a host forever that is claimed by another machine',
    ),
    removal('the index is asked', 'items.length === 0 && ', '', 'keeps a host of which the index shows anything'),
    {
      what: 'a host is kept whose references may turn up late',
      edit: { within: 'visit', find: 'else if (await removeLongGone', replace: 'if (await removeLongGone' },
      test: {
        file: 'test/unit/functions/ipam/sweep.test.ts',
        title: 'keeps a host forever that may have references that turn up late',
      },
    },
  ]);
});
