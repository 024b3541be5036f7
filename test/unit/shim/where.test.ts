/** Where an operator's command finds the fleet, and what comes first. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, describe, it } from 'node:test';
import { describeContexts } from '../../../shim/commands/context.ts';
import { type Context, Contexts } from '../../../shim/commands/contexts.ts';
import { type PlaceOptions, type Surroundings, placeOf } from '../../../shim/commands/where.ts';
import { UsageError } from '../../../shim/user-error.ts';
import { UnixListener } from '../../support/unix-listener.ts';
import { temporaryFolder } from './temporary.ts';

const usage = (words: RegExp) => (error: unknown) => error instanceof UsageError && words.test(error.message);

const PROD: Context = { name: 'prod', endpoint: 'https://prod.example', region: 'eu-west-1', profile: 'ops' };
const TEST: Context = { name: 'test', endpoint: 'unix:/run/test.sock' };

/** A machine where everything says where the fleet is. */
async function machine(t: TestContext): Promise<Surroundings & { readonly contexts: Contexts }> {
  const folder = await temporaryFolder(t, {
    'berth.env': '# the host\nBERTH_ENDPOINT="https://host.example"\nBERTH_REGION=eu-north-1\nAWS_ACCESS_KEY_ID=AKIA\n',
  });
  const cloudSocket = path.join(folder, 'c.sock');
  const listener = await UnixListener.open(cloudSocket, (_, response) => response.end());
  t.after(() => listener.close());
  const contexts = new Contexts(path.join(folder, 'config/berth/contexts.json'));
  contexts.set(PROD);
  contexts.set(TEST);
  contexts.use('prod');
  const environment = { BERTH_ENDPOINT: 'https://variable.example', BERTH_REGION: 'us-east-1' };
  return { environment, contexts, settingsFile: path.join(folder, 'berth.env'), cloudSocket };
}

const from = (endpoint: string, region?: string, profile?: string) => ({ endpoint, region, profile });

describe('the fleet that a command asks', () => {
  it('is the one of its options, the variable, the context, the host, berth up, in this order', async (t) => {
    const all = await machine(t);
    const nowhere = path.join(path.dirname(all.settingsFile), 'none');
    const place = (options: PlaceOptions, changes: Partial<Surroundings> = {}) =>
      placeOf(options, { ...all, ...changes });
    assert.deepEqual(place({ endpoint: 'unix:/mine' }), from('unix:/mine', 'us-east-1'));
    assert.deepEqual(place({ context: 'test' }), from('unix:/run/test.sock', 'us-east-1'));
    assert.deepEqual(place({}), from('https://variable.example', 'us-east-1'));
    const environment = { BERTH_ENDPOINT: '' };
    assert.deepEqual(place({}, { environment }), from('https://prod.example', 'eu-west-1', 'ops'));
    all.contexts.remove('prod');
    assert.deepEqual(place({}, { environment }), from('https://host.example', 'eu-north-1'));
    const bare = { environment, settingsFile: nowhere };
    assert.deepEqual(place({}, bare), from(`unix:${all.cloudSocket}`));
    assert.throws(
      () => place({}, { ...bare, cloudSocket: all.settingsFile }),
      usage(/^where is the fleet\? .*--endpoint URL, --context NAME or BERTH_ENDPOINT.*berth context use NAME/),
    );
  });

  it('has the region of the option, then of its own source, then of the variables', async (t) => {
    const all = await machine(t);
    const regionOf = (options: PlaceOptions, environment: Surroundings['environment']) =>
      placeOf(options, { ...all, environment }).region;
    const variables = { BERTH_REGION: 'us-east-1', AWS_REGION: 'us-west-2' };
    assert.equal(regionOf({ region: 'me-south-1' }, variables), 'me-south-1');
    assert.equal(regionOf({ region: '' }, variables), 'eu-west-1');
    assert.equal(regionOf({ context: 'test' }, variables), 'us-east-1');
    assert.equal(regionOf({ context: 'test' }, { ...variables, BERTH_REGION: '' }), 'us-west-2');
  });

  it('cannot be named twice', async (t) => {
    const all = await machine(t);
    assert.throws(() => placeOf({ endpoint: 'unix:/x', context: 'test' }, all), usage(/leave one of them out$/));
  });

  it('is found without a file that this user must not read', { skip: process.getuid?.() !== 0 }, async (t) => {
    const all = await machine(t);
    all.contexts.remove('prod');
    chmodSync(path.dirname(all.settingsFile), 0o755);
    chmodSync(all.settingsFile, 0o600);
    process.seteuid?.(12_345);
    try {
      const contexts = { list: () => [], current: () => undefined, named: () => assert.fail() };
      assert.deepEqual(placeOf({}, { ...all, contexts, environment: {} }), from(`unix:${all.cloudSocket}`));
    } finally {
      process.seteuid?.(0);
    }
  });

  it('is not guessed when the contexts are damaged, or the one in use is gone', async (t) => {
    for (const [text, words] of [
      ['{', /contexts\.json is damaged/],
      ['{"version":2,"contexts":[]}', /contexts\.json is damaged/],
      ['{"version":1,"current":"prod","contexts":[]}', /^no context "prod"; there are no contexts/],
    ] as const) {
      const file = path.join(await temporaryFolder(t, { 'contexts.json': text }), 'contexts.json');
      const all = { ...(await machine(t)), contexts: new Contexts(file), environment: {} };
      assert.throws(() => placeOf({}, all), usage(words));
    }
  });
});

describe('contexts', () => {
  it('are kept for their owner alone, and whole', async (t) => {
    const folder = path.join(await temporaryFolder(t), 'berth');
    const file = path.join(folder, 'contexts.json');
    const contexts = new Contexts(file);
    assert.deepEqual([contexts.list(), contexts.current()], [[], undefined]);
    contexts.set(TEST);
    chmodSync(file, 0o644);
    contexts.set(PROD);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(folder), ['contexts.json']);
    assert.deepEqual(contexts.list(), [PROD, TEST]);
    contexts.use('test');
    contexts.set({ ...TEST, endpoint: 'unix:/y' });
    assert.deepEqual(contexts.current(), { ...TEST, endpoint: 'unix:/y' });
    contexts.remove('test');
    assert.deepEqual([contexts.list(), contexts.current()], [[PROD], undefined]);
    assert.match(readFileSync(file, 'utf8'), /"version": 1/);
  });

  it('need a good name, and one that is known', async (t) => {
    const file = path.join(await temporaryFolder(t), 'contexts.json');
    const contexts = new Contexts(file);
    for (const name of ['', '-x', 'a b', '__proto__', 'x'.repeat(65)]) {
      assert.throws(
        () => {
          contexts.set({ ...TEST, name });
        },
        usage(/^bad context name/),
      );
    }
    assert.equal(existsSync(file), false);
    contexts.set(TEST);
    for (const ask of ['use', 'remove', 'named'] as const) {
      assert.throws(() => contexts[ask]('constructor'), usage(/^no context "constructor"; there are test /));
    }
  });

  it('that cannot be kept are reported', async (t) => {
    const file = path.join(await temporaryFolder(t), 'file');
    writeFileSync(file, '');
    assert.throws(() => new Contexts(path.join(file, 'contexts.json')).list(), usage(/cannot be read: ENOTDIR/));
  });

  it('are listed with a mark at the one in use', () => {
    assert.equal(
      describeContexts([
        { ...PROD, isCurrent: true },
        { ...TEST, name: 'local', isCurrent: false },
      ]),
      '* prod   https://prod.example  region eu-west-1  profile ops\n  local  unix:/run/test.sock',
    );
    assert.match(describeContexts([]), /^no contexts; name a fleet with berth context set/);
  });
});
