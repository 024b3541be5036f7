/** What an operator may set on a space, and how a space is shown. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationText, parseDuration } from '../../../protocol/duration.ts';
import type { SpaceAnswer } from '../../../protocol/operator-messages.ts';
import { changesOf, describeSpace, isUnknown, spaceJson } from '../../../shim/commands/space.ts';
import { UserError } from '../../../shim/user-error.ts';

const SPACE: SpaceAnswer = {
  Space: 'ci',
  Rev: 'abc',
  Settings: {
    Ranges: ['10.64.0.0/16', 'fd01::/48'],
    Size4: 26,
    Size6: 64,
    Excluded: [],
    Cooldown: 30_000,
    ForgetAfter: 5_400_000,
    MaxPools: 9,
    MaxNetworksPerHost: null,
    Widest4: 8,
    Widest6: 32,
    GivenOutside: false,
    MaxHostsPerPrincipal: null,
  },
  Set: ['Ranges', 'Size4', 'ForgetAfter', 'MaxPools', 'GivenOutside'],
  Held: { Pools4: 3, Pools6: 20_000, IsAll: false },
};

describe('a space', () => {
  it('is shown with a line for each setting, and its defaults marked', () => {
    assert.equal(
      describeSpace(SPACE),
      `space                    ci
range                    10.64.0.0/16, fd01::/48
size4                    26
size6                    64 (default)
exclude                  none (default)
cooldown                 30s (default)
forget-after             90m
max-pools                9
max-networks-per-host    none (default)
widest4                  8 (default)
widest6                  32 (default)
given-outside            no
max-hosts-per-principal  none (default)
pools held               3 IPv4, 20000 IPv6, and more
rev                      abc`,
    );
  });

  it('is shown without settings that its functions do not know', () => {
    const { Widest4: _4, Widest6: _6, GivenOutside: _g, MaxHostsPerPrincipal: _h, ...Settings } = SPACE.Settings;
    assert.doesNotMatch(describeSpace({ ...SPACE, Settings }), /widest|given-outside|max-hosts|undefined/);
  });

  it('is JSON for programs, by the names of the options', () => {
    const { name, rev, set, held, settings } = spaceJson(SPACE);
    assert.deepEqual([name, rev, held], ['ci', 'abc', { pools4: 3, pools6: 20_000, isAll: false }]);
    assert.deepEqual(set, ['range', 'size4', 'forgetAfter', 'maxPools', 'givenOutside']);
    assert.partialDeepStrictEqual(settings, { range: ['10.64.0.0/16', 'fd01::/48'], cooldown: 30_000 });
    assert.equal(settings['maxNetworksPerHost'], null);
    assert.equal(spaceJson({ ...SPACE, Rev: '' }).rev, null);
  });

  it('is unknown if nobody has set it and it holds nothing, except for the default one', () => {
    const empty = { ...SPACE, Rev: '', Held: { Pools4: 0, Pools6: 0, IsAll: true } };
    assert.equal(isUnknown(empty), true);
    for (const known of [{ Space: 'default' }, { Rev: 'a' }, { Held: { Pools4: 1, Pools6: 0, IsAll: true } }]) {
      assert.equal(isUnknown({ ...empty, ...known }), false);
    }
  });

  it('that was never set has no rev', () => {
    assert.match(describeSpace({ ...SPACE, Rev: '' }), /\nrev +none$/);
  });
});

describe('a change of a space', () => {
  it('holds the settings that are named, by the names that the functions know', () => {
    const given = {
      endpoint: 'unix:/x',
      range: ['10.0.0.0/8'],
      forgetAfter: 60_000,
      maxNetworksPerHost: 3,
      givenOutside: false,
    };
    assert.deepEqual(changesOf(given, []), {
      Ranges: ['10.0.0.0/8'],
      ForgetAfter: 60_000,
      MaxNetworksPerHost: 3,
      GivenOutside: false,
    });
  });

  it('can remove a limit, or reset a setting to its default', () => {
    assert.deepEqual(changesOf({ maxPools: 'none' }, ['exclude', 'size4']), {
      MaxPools: null,
      Excluded: null,
      Size4: null,
    });
  });

  for (const [what, given, unset, words] of [
    ['an empty change', { force: true }, [], /^there is nothing to change: name a setting/],
    ['an unknown setting', {}, ['colour'], /^no setting "colour" to unset; the settings are range, size4, /],
    [
      'a setting that is set and unset at once',
      { maxPools: 3 },
      ['max-pools'],
      /^--max-pools is set and unset at once/,
    ],
  ] as const) {
    it(`is refused for ${what}`, () => {
      assert.throws(
        () => changesOf(given, unset),
        (error) => error instanceof UserError && words.test(error.message),
      );
    });
  }
});

describe('a time', () => {
  it('is parsed and written in a human-readable form', () => {
    for (const [text, milliseconds] of [
      ['500ms', 500],
      ['30s', 30_000],
      ['10m', 600_000],
      ['36h', 129_600_000],
      ['7d', 604_800_000],
      ['0ms', 0],
    ] as const) {
      assert.equal(parseDuration(text), milliseconds);
      assert.equal(durationText(milliseconds), text);
    }
    assert.equal(parseDuration('120s'), 120_000);
    assert.equal(durationText(120_000), '2m');
  });

  for (const text of ['', '30', 's', '-1s', '1.5h', '1w', '1 h', '10000000000s', '1H']) {
    it(`is invalid as ${JSON.stringify(text)}`, () => {
      assert.equal(parseDuration(text), undefined);
    });
  }
});
