/** The operators' function as it is deployed, over an embedded engine: what it returns, to whom, and what it logs. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Handler } from '../../../functions/lambda/handler.ts';
import { type EngineStore, engineStore, useTable } from '../../support/engine-store.ts';
import { answerOf, captureLog, contextWith, eventOf, refusalOf } from './lambda/event.ts';

const INSTANCE = 'arn:aws:sts::123456789012:assumed-role/berth-host/i-0123456789abcdef0';
const OPERATOR = 'arn:aws:sts::123456789012:assumed-role/admin/alice';

let engine: EngineStore;
let handler: Handler;

before(async () => {
  engine = await engineStore();
  useTable(engine);
  ({ handler } = await import('../../../functions/console.ts'));
});
after(() => engine.close());

const send = (path: string, message: object, principal = OPERATOR) =>
  handler(eventOf(path, { body: JSON.stringify(message) }, principal), contextWith(10_000));

const DEFAULTS = {
  Ranges: ['10.192.0.0/10', 'fdbe:5274:6800::/48'],
  Size4: 24,
  Size6: 64,
  Excluded: [],
  Cooldown: 30_000,
  ForgetAfter: 604_800_000,
  MaxPools: null,
  MaxNetworksPerHost: null,
  Widest4: 8,
  Widest6: 32,
  GivenOutside: true,
  MaxHostsPerPrincipal: null,
};

describe('the console', () => {
  it('shows a space', async () => {
    const { status, body } = answerOf(await send('/Berth.Space', { Space: 'default' }));
    const Held = { Pools4: 0, Pools6: 0, IsAll: true };
    assert.deepEqual([status, body], [200, { Space: 'default', Rev: '', Settings: DEFAULTS, Set: [], Held }]);
  });

  it('changes a space, returns the new state, and logs who changed it', async (t) => {
    const lines = captureLog(t);
    const message = {
      Space: 'ci',
      Set: { Ranges: ['10.64.0.0/16'], Size4: 26, Excluded: ['10.64.0.0/20'], Cooldown: 5_000, MaxPools: 9 },
      IfRev: '',
    };
    const { body } = answerOf(await send('/Berth.SetSpace', message));
    const settings = { ...DEFAULTS, ...message.Set };
    const { Rev, ...rest } = body;
    assert.deepEqual(rest, {
      Space: 'ci',
      Settings: settings,
      Set: Object.keys(message.Set),
      Warnings: [],
      Held: { Pools4: 0, Pools6: 0, IsAll: true },
    });
    assert.match(String(Rev), /^\w{12}$/);
    const patch = { ranges: ['10.64.0.0/16'], size4: 26, excluded: ['10.64.0.0/20'], cooldown: 5_000, maxPools: 9 };
    assert.deepEqual(lines, [
      {
        level: 'warn',
        message: 'space changed',
        space: 'ci',
        patch,
        force: false,
        principal: OPERATOR,
        rev: Rev,
        warnings: [],
      },
    ]);
    const shown = answerOf(await send('/Berth.Space', { Space: 'ci' }));
    assert.deepEqual([shown.body['Settings'], shown.body['Rev']], [settings, Rev]);
    const back = answerOf(await send('/Berth.SetSpace', { Space: 'ci', Set: { MaxPools: null }, IfRev: Rev }));
    assert.deepEqual(back.body['Settings'], { ...settings, MaxPools: null });
    const late = await send('/Berth.SetSpace', { Space: 'ci', Set: { MaxPools: 1 }, IfRev: Rev });
    assert.equal(refusalOf(late), 'space-changed');
  });

  for (const [path, message] of [
    ['/Berth.Host', { Host: 'web-1' }],
    ['/Berth.Space', { Space: 'ci' }],
    ['/Berth.SetSpace', { Space: 'ci', Set: { Size4: 28 }, IfRev: '' }],
    ['/Berth.HostState', { Host: 'web-1', State: 'dead', Key: 'told-once' }],
  ] as const) {
    it(`refuses ${path} to an instance`, async (t) => {
      captureLog(t);
      const before = await engine.store.readSpace('ci');
      assert.equal(refusalOf(await send(path, message, INSTANCE)), 'foreign-host');
      assert.deepEqual(await engine.store.readSpace('ci'), before);
    });
  }

  for (const [what, message] of [
    ['a space without a name', { Set: { Size4: 28 }, IfRev: '' }],
    ['a space with an invalid name', { Space: 'a#b', Set: { Size4: 28 }, IfRev: '' }],
    ['nothing', { Space: 'ci', IfRev: '' }],
    ['an unknown setting', { Space: 'ci', Set: { Size4: 28, Colour: 'red' }, IfRev: '' }],
    ['a setting of the wrong type', { Space: 'ci', Set: { Size4: '28' }, IfRev: '' }],
    ['a list that is not an array', { Space: 'ci', Set: { Ranges: '10.0.0.0/8' }, IfRev: '' }],
    ['a space at an invalid revision', { Space: 'ci', Set: { Size4: 28 } }],
  ] as const) {
    it(`refuses to set ${what}`, async (t) => {
      captureLog(t);
      const before = await engine.store.readSpace('ci');
      assert.equal(refusalOf(await send('/Berth.SetSpace', message)), 'invalid-request');
      assert.deepEqual(await engine.store.readSpace('ci'), before);
    });
  }
});
