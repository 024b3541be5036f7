/** How the program ends: exit codes, short usage errors, JSON for programs. */
import assert from 'node:assert/strict';
import { type TestContext, describe, it } from 'node:test';
import { Command } from 'commander';
import { ConsoleRefusal } from '../../../shim/commands/host.ts';
import { run } from '../../../shim/commands/manners.ts';
import { UnreachableError, UsageError, UserError } from '../../../shim/user-error.ts';

/** Runs a program with one command that fails in this way. @returns what it prints, and its exit code. */
async function ended(t: TestContext, args: readonly string[], failure?: Error) {
  const [out, err]: [string[], string[]] = [[], []];
  t.mock.method(console, 'log', (text: string) => out.push(text));
  t.mock.method(console, 'error', (text: string) => err.push(text));
  const program = new Command('berth').configureOutput({ writeErr: (text) => err.push(text) });
  const host = program.command('host');
  host
    .command('dead <id>')
    .option('--json')
    .action(() => {
      if (failure !== undefined) throw failure;
    });
  const before = process.exitCode;
  try {
    await run(program, ['node', 'berth', ...args]);
    return { code: process.exitCode, out, err };
  } finally {
    process.exitCode = before;
  }
}

describe('the exit code', () => {
  for (const [what, failure, code] of [
    ['1 for what the operator can correct', new UserError('no'), 1],
    ['2 for a usage error', new UsageError('no'), 2],
    ['3 for a refusal', new ConsoleRefusal('no', 'host-state'), 3],
    ['4 without an answer', new UnreachableError('no'), 4],
  ] as const) {
    it(`is ${what}`, async (t) => {
      const said = await ended(t, ['host', 'dead', 'web-1'], failure);
      assert.deepEqual([said.code, said.out, said.err[0]], [code, [], 'berth: no']);
    });
  }

  it('is 1 for a usage error with --health, whose 2 has another meaning', async (t) => {
    const { code, err } = await ended(t, ['host', 'dead', 'x', '--health']);
    assert.deepEqual([code, err.at(-1)], [1, 'try: berth host dead --help']);
  });

  it('is 2 when the command is missing, and the help says which there are', async (t) => {
    const { code, err } = await ended(t, ['host']);
    assert.equal(code, 2);
    assert.match(err.join(''), /^Usage: berth host .*dead \[options\] <id>/s);
  });
});

describe('a usage error', () => {
  for (const [what, args, lines] of [
    ['a missing argument', ['host', 'dead'], ["missing required argument 'id'", 'try: berth host dead --help']],
    [
      'an unknown option',
      ['host', 'dead', 'x', '--hurry'],
      ["unknown option '--hurry'", 'try: berth host dead --help'],
    ],
    ['one argument too many', ['host', 'dead', 'x', 'y'], [/^too many arguments/, 'try: berth host dead --help']],
    ['a misspelt command', ['hots'], ["unknown command 'hots'", '(Did you mean host?)', 'try: berth --help']],
  ] as const) {
    it(`is at most three lines long: ${what}`, async (t) => {
      const { code, err } = await ended(t, args);
      const [reason = '', ...more] = err.join('\n').split('\n');
      assert.equal(code, 2);
      const [expected, ...hints] = lines;
      if (typeof expected === 'string') assert.equal(reason, `berth: ${expected}`);
      else assert.match(reason.replace('berth: ', ''), expected);
      assert.deepEqual(more, hints);
    });
  }

  it('that the command itself finds names that command', async (t) => {
    const { err } = await ended(t, ['host', 'dead', 'x'], new UsageError('bad id'));
    assert.deepEqual(err, ['berth: bad id', 'try: berth host dead --help']);
  });
});

describe('with --json, an error', () => {
  for (const [failure, code, exit] of [
    [new UserError('no'), 'failed', 1],
    [new UsageError('no'), 'usage', 2],
    [new ConsoleRefusal('no', 'space-changed'), 'space-changed', 3],
    [new ConsoleRefusal('no'), 'refused', 3],
    [new UnreachableError('no'), 'unreachable', 4],
  ] as const) {
    it(`is one object on standard output: ${code}`, async (t) => {
      const said = await ended(t, ['host', 'dead', 'x', '--json'], failure);
      const text = `{"version":1,"error":{"code":"${code}","message":"no"}}`;
      assert.deepEqual([said.code, said.out, said.err], [exit, [text], []]);
    });
  }

  it('of the command line is one, too', async (t) => {
    const { out } = await ended(t, ['host', 'dead', '--json']);
    assert.deepEqual(out, [`{"version":1,"error":{"code":"usage","message":"missing required argument 'id'"}}`]);
  });

  it('that nobody expected is one, before the stack', async (t) => {
    await assert.rejects(ended(t, ['host', 'dead', 'x', '--json'], new TypeError('odd')), TypeError);
  });
});
