/** The benchmark itself, in a small scope: it runs, every call succeeds, and its output is complete. Nothing is timed. */
import assert from 'node:assert/strict';
import { type SpawnSyncReturns } from 'node:child_process';
import { before, describe, it } from 'node:test';
import { bench } from './run.ts';
import { percentile } from './load.ts';
import { CALLS_TO_JUDGE, MAX_GROWTH_PERCENT, judgeMemory } from './shim-memory.ts';

const FUNCTIONS = ['a stub that answers at once', 'the local cloud'];
const IN_FLIGHT = [1, 16, 64];
const NUMBER = String.raw`-?\d+(\.\d+)?`;

describe('bench:shim', () => {
  let run: SpawnSyncReturns<string>;
  before(() => {
    run = bench('shim.ts', '--quick');
  });

  /** The rows of a part that start with the given cells. */
  const rows = (part: string, ...start: readonly (string | number)[]): string[] => {
    const [own = ''] = (run.stdout.split(`### ${part}\n`)[1] ?? '').split('\n### ');
    return own.split('\n').filter((line) => line.startsWith(`| ${start.join(' | ')} |`));
  };

  it('runs to its end without a failed call', () => {
    assert.equal(run.status, 0, run.stdout + run.stderr);
  });

  it('reports each call both ways, and what the shim adds', () => {
    for (const [functions, inFlight] of FUNCTIONS.flatMap((name) => IN_FLIGHT.map((n) => [name, n] as const))) {
      for (const call of ['RequestAddress', 'ReleaseAddress']) {
        const [direct = '', shim = '', ...more] = rows('Latency', functions, inFlight, call);
        assert.match(direct, new RegExp(String.raw`\| direct \| 64 (\| ${NUMBER} ){2}(\|  ){4}\|$`));
        assert.match(shim, new RegExp(String.raw`\| through the shim \| 64 (\| ${NUMBER} ){6}\|$`));
        assert.deepEqual(more, []);
      }
    }
  });

  it('reports how many calls pass per second', () => {
    for (const [functions, inFlight] of FUNCTIONS.flatMap((name) => IN_FLIGHT.map((n) => [name, n] as const))) {
      const [row = '', ...more] = rows('Throughput', functions, inFlight);
      assert.match(row, new RegExp(String.raw`\| \d+ \| \d+ \| ${NUMBER} \|$`));
      assert.deepEqual(more, []);
    }
  });

  it('reports how many releases share a flush', () => {
    for (const inFlight of IN_FLIGHT) {
      const [row = ''] = rows('What a release waits for: the journal alone', inFlight, 64);
      assert.match(row, new RegExp(String.raw`(\| ${NUMBER} ){4}\|$`));
    }
  });

  it('reports what the shim retains while calls pass through it', () => {
    for (const calls of [40, 100, 200, 300, 400]) {
      assert.match(rows('Memory', calls)[0] ?? '', /( \| \d+\.\d){5} \|$/);
    }
    assert.match(run.stdout, /too few calls to judge\.\n$/);
  });

  it('refuses an invalid number of calls', () => {
    const { status, stderr } = bench('shim.ts', '--calls', 'many');
    assert.equal(status, 1);
    assert.match(stderr, /must be a whole number/);
  });
});

describe('judgeMemory', () => {
  /** Samples at a tenth, a quarter, half, three quarters and all of the calls. */
  const samples = (calls: number, resident: readonly number[], heap: readonly number[]) =>
    [0.1, 0.25, 0.5, 0.75, 1].map((share, i) => ({
      calls: calls * share,
      resident: resident[i] ?? 0,
      heap: heap[i] ?? 0,
      running: 0,
      external: 0,
      journal: 0,
    }));
  const most = 200 * (1 + MAX_GROWTH_PERCENT / 100);
  const flat = [100, 190, 200, 230, most - 1];
  const growing = [100, 150, 200, 210, most + 1];

  it('calls memory flat that grew at the start and then stayed the same', () => {
    const { isMet, words } = judgeMemory(samples(CALLS_TO_JUDGE, flat, flat));
    assert.ok(isMet);
    assert.match(words, /flat/);
  });

  it('finds resident memory that grows with the calls', () => {
    const { isMet, words } = judgeMemory(samples(CALLS_TO_JUDGE, growing, flat));
    assert.ok(!isMet);
    assert.match(words, /GROWS/);
  });

  it('finds a heap that grows with the calls', () => {
    const { isMet, words } = judgeMemory(samples(CALLS_TO_JUDGE, flat, growing));
    assert.ok(!isMet);
    assert.match(words, /GROWS/);
  });

  it('does not judge fewer calls than the start takes', () => {
    assert.ok(judgeMemory(samples(CALLS_TO_JUDGE - 1, [1, 2, 3, 4, 5], [1, 2, 3, 4, 5])).isMet);
  });

  it('does not judge an incomplete run', () => {
    assert.throws(() => judgeMemory(samples(CALLS_TO_JUDGE, flat, flat).slice(0, 4)), /not watched to the end/);
  });
});

describe('percentile', () => {
  it('returns the nearest rank, whatever the order', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    assert.deepEqual(
      [0, 1, 50, 99, 100].map((percent) => percentile(values, percent)),
      [1, 1, 50, 99, 100],
    );
    assert.equal(percentile([7], 99), 7);
  });
});
