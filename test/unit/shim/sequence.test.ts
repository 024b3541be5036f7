import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isRequestKey, sequenceOf } from '../../../protocol/request-key.ts';
import { Sequence } from '../../../shim/host/sequence.ts';
import { UserError } from '../../../shim/user-error.ts';
import { temporaryFolder } from './temporary.ts';

const START = Date.UTC(2026, 0, 1);

/** As a number, for readability and arithmetic. */
const numberOf = (requestKey: string): number => parseInt(sequenceOf(requestKey), 36);
const setAside = (folder: string): number => Number(readFileSync(path.join(folder, 'sequence'), 'utf8'));

describe('a request key', () => {
  it('consists of the clock in base 36, of fixed width, and four random characters', async (t) => {
    const key = new Sequence(await temporaryFolder(t), () => START).requestKey();
    assert.match(key, /^0mjuohs00[0-9a-z]{4}$/);
  });

  it('is valid for the functions, whatever the clock says', async (t) => {
    for (const now of [0, 1, 35, 36, START, 36 ** 9 - 1]) {
      const key = new Sequence(await temporaryFolder(t), () => now).requestKey();
      assert.ok(isRequestKey(key), key);
      assert.equal(numberOf(key), Math.max(1, Math.min(now, Date.UTC(4000, 0))));
    }
  });

  it('differs from the earlier one when the disk is rolled back', async (t) => {
    const folder = await temporaryFolder(t);
    new Sequence(folder, () => START).requestKey();
    const [image, copy] = [path.join(folder, 'image'), path.join(folder, 'copy')];
    mkdirSync(image);
    cpSync(path.join(folder, 'sequence'), path.join(image, 'sequence'));
    cpSync(image, copy, { recursive: true });
    const draw = (of: string): string[] => {
      const sequence = new Sequence(of, () => START);
      return Array.from({ length: 4 }, () => sequence.requestKey());
    };
    const [once, again] = [draw(image), draw(copy)];
    assert.deepEqual(once.map(sequenceOf), again.map(sequenceOf));
    assert.notDeepEqual(once, again);
  });
});

describe('the sequence', () => {
  it('returns no number above what is on the disk, even after a failed write', async (t) => {
    const folder = await temporaryFolder(t);
    const sequence = new Sequence(folder, () => START);
    rmSync(folder, { recursive: true });
    for (const attempt of [1, 2]) assert.throws(() => sequence.requestKey(), /ENOENT/, `attempt ${attempt}`);
  });

  it('returns a number without the disk for calls that create nothing, above all earlier ones', async (t) => {
    const folder = await temporaryFolder(t);
    const sequence = new Sequence(folder, () => START);
    const first = numberOf(sequence.requestKey());
    rmSync(folder, { recursive: true });
    let now = START + 100_000;
    const late = new Sequence(folder, () => now);
    const keys = [late.keyAnyway(), late.keyAnyway()];
    assert.ok(keys.every(isRequestKey));
    const [second = 0, third = 0] = keys.map(numberOf);
    assert.deepEqual([first < second, second < third, second >= now], [true, true, true]);
    assert.throws(() => late.requestKey(), /ENOENT/);
    mkdirSync(folder);
    now = START;
    assert.ok(numberOf(late.requestKey()) > third);
    assert.ok(setAside(folder) > third);
  });

  it('continues above what the cloud has seen of this host, and never goes back', async (t) => {
    const folder = await temporaryFolder(t);
    const sequence = new Sequence(folder, () => START);
    sequence.raise((START + 1_000_000).toString(36).padStart(9, '0'));
    const raised = numberOf(sequence.requestKey());
    assert.equal(raised, START + 1_000_001);
    assert.ok(setAside(folder) >= raised);
    sequence.raise('000000000');
    assert.equal(numberOf(sequence.requestKey()), raised + 1);
    assert.ok(numberOf(new Sequence(folder, () => START).requestKey()) > raised + 1);
  });

  it('keeps rising within a millisecond, and while the clock goes backwards', async (t) => {
    let now = START;
    const sequence = new Sequence(await temporaryFolder(t), () => now);
    const drawn = [START, START, START - 9_000_000, START + 1, START + 10].map((clock) => {
      now = clock;
      return numberOf(sequence.requestKey()) - START;
    });
    assert.deepEqual(drawn, [0, 1, 2, 3, 10]);
  });

  it('continues above all earlier numbers after a restart, even if the clock has lost a year', async (t) => {
    const folder = await temporaryFolder(t);
    const last = numberOf(new Sequence(folder, () => START).requestKey());
    const next = numberOf(new Sequence(folder, () => START - 365 * 86_400_000).requestKey());
    assert.ok(next > last);
  });

  it('always rises, over restarts and jumps of the clock, and the disk is always ahead of it', async (t) => {
    const base = await temporaryFolder(t);
    const anyStep = fc.oneof(
      fc.record({ restart: fc.constant(false), jump: fc.integer({ min: -90_000, max: 90_000 }) }),
      fc.record({ restart: fc.boolean(), jump: fc.integer({ min: -1e9, max: 1e9 }) }),
      fc.record({ restart: fc.boolean(), jump: fc.constant(0) }),
    );
    let run = 0;
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 30 }), (steps) => {
        const folder = path.join(base, String(run++));
        mkdirSync(folder);
        let now = START;
        let sequence = new Sequence(folder, () => now);
        let last = '';
        for (const { restart, jump } of steps) {
          now += jump;
          if (restart) sequence = new Sequence(folder, () => now);
          const key = sequence.requestKey();
          assert.ok(sequenceOf(key) > sequenceOf(last), `${last} then ${key}`);
          assert.ok(numberOf(key) >= now && numberOf(key) <= setAside(folder));
          last = key;
        }
      }),
      { numRuns: 60 },
    );
  });

  it('writes once for a minute of numbers, not at every call', async (t) => {
    const folder = await temporaryFolder(t);
    let now = START;
    const sequence = new Sequence(folder, () => now);
    const written: number[] = [];
    for (const later of [0, 1, 30_000, 60_000, 60_001, 60_002]) {
      now = START + later;
      sequence.requestKey();
      written.push(statSync(path.join(folder, 'sequence')).ino, setAside(folder) - START);
    }
    const [first, , , , , , , , second] = written;
    const minute = [first, 60_000];
    const next = [second, 120_001];
    assert.deepEqual(written, [...minute, ...minute, ...minute, ...minute, ...next, ...next]);
  });

  it('writes nothing before a number is needed', async (t) => {
    const folder = await temporaryFolder(t);
    assert.doesNotThrow(() => new Sequence(folder, () => START));
    assert.throws(() => setAside(folder), /ENOENT/);
  });

  it('continues where a clock in the year 4500 once left it, with the right clock and with the wrong one', async (t) => {
    const folder = await temporaryFolder(t);
    const wrong = (): number => Date.UTC(4500, 0);
    const given = [wrong, wrong, () => START, wrong].map((clock) => numberOf(new Sequence(folder, clock).requestKey()));
    assert.deepEqual(
      given,
      given.toSorted((a, b) => a - b),
    );
    assert.equal(new Set(given).size, 4);
    // A shim that trusted such a clock has left this on its disk.
    writeFileSync(path.join(folder, 'sequence'), String(wrong()));
    assert.equal(numberOf(new Sequence(folder, () => START).requestKey()), wrong() + 1);
  });

  it('continues from a file that ends with a line feed', async (t) => {
    const folder = await temporaryFolder(t, { sequence: `${START + 5}\n` });
    assert.equal(numberOf(new Sequence(folder, () => START).requestKey()), START + 6);
  });

  for (const text of [
    '',
    ' \n',
    'NaN',
    'null',
    '{}',
    '12x',
    '1.5',
    'Infinity',
    '9'.repeat(40),
    '1767225600000 2',
    '-5',
    '0x10',
    '1e3',
    '101559956668416',
  ]) {
    it(`refuses to start from a damaged file: ${JSON.stringify(text.slice(0, 20))}`, async (t) => {
      const folder = await temporaryFolder(t, { sequence: text });
      const file = path.join(folder, 'sequence');
      const message = `${file} is damaged: ${JSON.stringify(text.slice(0, 40))} is not a number`;
      assert.throws(() => new Sequence(folder, () => START), { constructor: UserError, message });
      assert.equal(readFileSync(file, 'utf8'), text);
    });
  }
});
