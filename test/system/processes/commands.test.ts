/** The program as an operator types it: contexts, help, and what goes wrong at a start. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { type Server, createServer } from 'node:net';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Folders, runBerth, temporaryFolders } from '../../support/berth-process.ts';
import { Manual } from '../cloud/support/manual.ts';
import { LocalCloud } from '../../support/local-cloud.ts';
import { UnixListener } from '../../support/unix-listener.ts';

let cloud: LocalCloud;
let folders: Folders;
let config: string;

before(async () => {
  cloud = await LocalCloud.start();
  folders = temporaryFolders();
  config = path.join(path.dirname(folders.data), 'config');
});

after(async () => {
  await cloud.stop();
  folders.remove();
});

/** As an operator on a machine that knows no fleet. */
const berth = (...args: readonly string[]) =>
  runBerth(args, { XDG_CONFIG_HOME: config, BERTH_ENDPOINT: '', BERTH_REGION: '' });

describe('an operator with contexts', () => {
  const manual = new Manual(['operations.md']);
  /** As the document writes it, with this cloud for its placeholders. */
  const typed = (command: string) => {
    const words = { URL: cloud.endpoint, ID: 'web-1' };
    return berth(...manual.take(command, words).split(' ').slice(1));
  };

  it('names a fleet once, and then asks it without an endpoint', async () => {
    const set = await typed('berth context set prod --endpoint URL');
    assert.deepEqual(
      [set.code, set.out],
      [0, `context prod is ${cloud.endpoint}; berth context use prod makes commands ask it\n`],
    );
    assert.equal((await typed('berth context use prod')).out, `commands ask prod: ${cloud.endpoint}\n`);
    assert.match((await berth('space', 'show')).out, /^space +default$/m);
    await berth('context', 'set', 'gone', '--endpoint', `unix:${folders.data}/gone.sock`);
    assert.equal(
      (await typed('berth context list')).out,
      `  gone  unix:${folders.data}/gone.sock\n* prod  ${cloud.endpoint}\n`,
    );
    const gone = await berth('space', 'show', '--context', 'gone', '--json');
    assert.equal(gone.code, 4);
    assert.match(
      gone.out,
      /^\{"version":1,"error":\{"code":"unreachable","message":"Berth's functions cannot be reached/,
    );
    assert.equal((await typed('berth host drain ID --context prod')).code, 3);
    assert.equal((await typed('berth context remove prod')).out, 'context prod is removed\n');
    const { out } = await berth('context', 'list', '--json');
    assert.partialDeepStrictEqual(JSON.parse(out), { version: 1, contexts: [{ name: 'gone', isCurrent: false }] });
  });

  it('learns of a variable that comes before the context', async () => {
    const { err } = await runBerth(['context', 'use', 'gone'], { XDG_CONFIG_HOME: config, BERTH_ENDPOINT: 'unix:/x' });
    assert.match(err, /^berth: warning: BERTH_ENDPOINT is set/);
  });

  it(
    'gets an error of two lines where nothing is known',
    { skip: existsSync('/etc/berth/berth.env') || existsSync('/var/lib/berth') },
    async () => {
      await berth('context', 'remove', 'gone');
      const { code, err } = await berth('host', 'show', 'web-1');
      assert.equal(code, 2);
      assert.match(err, /^berth: where is the fleet\? .*\ntry: berth host show --help\n$/);
    },
  );
});

describe('berth doctor', () => {
  const LEAK = { kind: 'leaked-lease', text: '10.1.0.2 is leased for nothing' };
  for (const [what, done, exit] of [
    ['5 when a difference is left', 'to be mended', 5],
    ['0 when all are repaired', 'mended', 0],
  ] as const) {
    it(`ends with ${what}, as its JSON says`, async (t) => {
      const findings = [{ ...LEAK, done }];
      mkdirSync(folders.sockets, { recursive: true });
      const listener = await UnixListener.open(path.join(folders.sockets, 'berth.sock'), (_, response) => {
        response.end(JSON.stringify({ findings }));
      });
      t.after(() => listener.close());
      const { code, out, err } = await berth('doctor', '--sockets', folders.sockets, '--json');
      assert.deepEqual([code, err, JSON.parse(out)], [exit, '', { version: 1, findings, isLeft: exit === 5 }]);
    });
  }
});

describe('berth check', () => {
  it('says that a sound table is sound, and writes what it has seen', async () => {
    const file = path.join(path.dirname(folders.data), 'report.json');
    const place = ['--endpoint', cloud.endpoint];
    const { code, out, err } = await berth('check', '--report', file, ...place);
    assert.deepEqual([code, err], [0, ''], out);
    assert.match(out, /^the table is sound: \d+ items read\n$/);
    assert.equal((await berth('check', '--since', file, ...place)).code, 0);
    const wrong = await berth('check', '--since', path.join(path.dirname(folders.data), 'none'), ...place);
    assert.deepEqual([wrong.code, wrong.out], [2, '']);
    assert.match(wrong.err, /^berth: cannot read the report: ENOENT/);
  });

  it('names what is damaged page by page, and ends with 5', async (t) => {
    const socket = path.join(path.dirname(folders.data), 'damaged.sock');
    const finding = (Id: string, IsLeftover: boolean) =>
      ({ Damage: 'orphaned lease', Where: '10.1.0.9', What: 'its network has ended', IsLeftover, Id }) as const;
    const listener = await UnixListener.open(socket, ({ url }, response) => {
      pages += url === '/Berth.Check' ? 1 : 0;
      const page = { Findings: [finding('a', false), finding('b', true)], Items: 2, Next: pages === 1 ? 'more' : null };
      response.end(JSON.stringify(url === '/Berth.Check' ? page : { Functions: { Check: `unix:${socket}` } }));
    });
    let pages = 0;
    t.after(() => listener.close());
    const { code, out } = await berth('check', '--endpoint', `unix:${socket}`);
    assert.equal(code, 5);
    assert.equal(
      out,
      [
        'DAMAGE            WHERE     WHAT',
        'orphaned lease    10.1.0.9  its network has ended',
        '(orphaned lease)  10.1.0.9  its network has ended',
        '1 finding: 4 items read; the sweep clears 1 more by itself within hours\n',
      ].join('\n'),
    );
  });
});

describe('the help', () => {
  const LINES = 24;
  const COMMANDS = [
    ...[
      '',
      'doctor',
      'space',
      'space set',
      'space show',
      'host',
      'host show',
      'host dead',
      'host former-dead',
      'host drain',
    ],
    ...[
      'pools',
      'pool',
      'pool show',
      'addresses',
      'whois',
      'find',
      'hosts',
      'free',
      'free-subnets',
      'spaces',
      'usage',
      'completion',
      'check',
      'export',
      'import',
      'dead-letters',
      'dead-letters list',
      'dead-letters retry',
      'dead-letters drop',
    ],
    ...['host resume', 'host adopt', 'context', 'context set', 'context use', 'context list', 'context remove'],
  ];

  it('of each command but those with many options fits on a terminal, and has an example', async () => {
    for (const command of COMMANDS) {
      const { code, out } = await berth(...command.split(' ').filter(Boolean), '--help');
      assert.equal(code, 0);
      assert.ok(out.trimEnd().split('\n').length <= LINES, out);
      if (!out.includes('\nCommands:')) assert.match(out, new RegExp(`\nExamples?:\n {2}berth ${command} ?`), out);
    }
  });

  it('names all commands', async () => {
    const { out } = await berth('--help');
    const [, list = ''] = /\nCommands:\n(.*?)\n\n/s.exec(out) ?? [];
    const named = list.replaceAll(/^ {2}\S[a-z ]+? {2,}|^ {2,}/gm, '').split(/,?\n|, /);
    const leaves = COMMANDS.filter((command) => !COMMANDS.some((other) => other.startsWith(`${command} `)));
    assert.deepEqual(named.sort(), ['shim', 'up', ...leaves].filter(Boolean).sort());
  });

  it('ends with the exit codes', async () => {
    assert.match(
      (await berth('--help')).out,
      /Exit codes: 0 done, .* 2 usage, 3 refused .*4 no answer.* 5 berth doctor/s,
    );
  });
});

describe('a start that fails says what, why and what to do, without a stack:', () => {
  const start = (more: readonly string[]) => {
    const places = ['--data', folders.data, '--sockets', folders.sockets, '--endpoint', cloud.endpoint];
    return berth('shim', ...places, '--host-id', 'a', ...more);
  };
  const fails = async (more: readonly string[], words: RegExp) => {
    const { code, out, err } = await start(more);
    assert.deepEqual([code, out], [1, '']);
    const said = err.split('\n').filter((line) => !line.startsWith('{') && line !== '');
    assert.match(said.join('\n'), words);
    assert.equal(said.length, 1);
    assert.equal(existsSync(path.join(folders.sockets, 'berth.sock')), false);
  };
  let file: string;

  before(() => {
    mkdirSync(path.dirname(folders.data), { recursive: true });
    file = path.join(path.dirname(folders.data), 'file');
    writeFileSync(file, '');
  });

  it('the data folder is a file', () =>
    fails(['--data', file], /^berth: the data folder .*file cannot be used: EEXIST.*--data$/));

  it('the folder of the sockets is a file', () =>
    fails(['--sockets', file], /^berth: the folder of the sockets .*file cannot be created: EEXIST.*--sockets$/));

  it('the port of the metrics is taken', async (t) => {
    const taken: Server = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    t.after(() => taken.close());
    const place = taken.address();
    const port = typeof place === 'object' ? place?.port : assert.fail();
    const words = `^berth: metrics cannot be served at 127.0.0.1:${port}: another program listens there; choose .*--metrics$`;
    await fails(['--metrics', `127.0.0.1:${port}`], new RegExp(words));
  });

  it('the folder of a metrics socket is missing', () =>
    fails(
      ['--metrics', `unix:${folders.data}/none/m.sock`],
      /^berth: the socket .*m\.sock cannot be opened: .*its folder must exist/,
    ));
});
