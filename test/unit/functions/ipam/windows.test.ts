import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  MAX_EXAMINED_ADDRESSES,
  type Segment,
  type Span,
  windows,
} from '../../../../functions/ipam/addresses/search.ts';
import { CHUNKS_PER_GROUP, CHUNK_SIZE, chunkOf } from '../../../../functions/ipam/chunk.ts';
import { numbers } from './values.ts';

const MAX_CHUNKS = MAX_EXAMINED_ADDRESSES / BigInt(CHUNK_SIZE);

const walk = (span: Span, start: bigint): Segment[][] => [...windows(span, start)];
const chunksOf = (segments: readonly Segment[]): bigint[] =>
  segments.flatMap(({ first, last }) => numbers(first, last));

/** A span of whole chunks. */
const chunkSpan = (first: bigint, last: bigint): Span => ({ first: first * 16n, last: last * 16n + 15n });

const anySpan = fc
  .record({
    first: fc.oneof(fc.bigInt(0n, 3_000n), fc.bigInt(0n, 2n ** 64n)),
    length: fc.oneof(fc.bigInt(0n, 100n), fc.bigInt(0n, 70_000n), fc.bigInt(0n, 2n ** 64n)),
    at: fc.bigInt(0n, 2n ** 64n),
  })
  .map(({ first, length, at }) => ({
    span: { first, last: first + length },
    start: chunkOf(first + (at % (length + 1n))),
  }));

describe('windows', () => {
  it('of a one-chunk pool are that chunk', () => {
    assert.deepEqual(walk({ first: 0n, last: 0n }, 0n), [[{ first: 0n, last: 0n }]]);
    assert.deepEqual(walk({ first: 1n, last: 14n }, 0n), [[{ first: 0n, last: 0n }]]);
    assert.deepEqual(walk({ first: 17n, last: 18n }, 1n), [[{ first: 1n, last: 1n }]]);
  });

  it('go from the chunk after the start, around the end, to the start itself', () => {
    assert.deepEqual(walk(chunkSpan(0n, 2n), 1n), [
      [
        { first: 2n, last: 2n },
        { first: 0n, last: 1n },
      ],
    ]);
    assert.deepEqual(walk(chunkSpan(0n, 2n), 2n), [[{ first: 0n, last: 2n }]]);
  });

  it('are cut where a group ends', () => {
    assert.deepEqual(walk(chunkSpan(62n, 65n), 65n), [
      [
        { first: 62n, last: 63n },
        { first: 64n, last: 65n },
      ],
    ]);
  });

  it('grow fourfold from 4 chunks to 512 and then stay', () => {
    const widths = walk(chunkSpan(0n, 1_999n), 0n).map((window) => chunksOf(window).length);
    assert.deepEqual(widths, [4, 16, 64, 256, 512, 512, 512, 124]);
  });

  it('read at most 65,536 addresses, and fewer only where there are no more', () => {
    for (const [chunks, read] of [
      [4_095n, 4_095n],
      [4_096n, 4_096n],
      [4_097n, 4_096n],
      [2n ** 60n, 4_096n],
    ] as const) {
      assert.equal(chunksOf(walk(chunkSpan(0n, chunks - 1n), 7n).flat()).length, Number(read));
    }
  });

  it('visit the chunks around the ring in order, each once, and end with the start when they see all', () => {
    fc.assert(
      fc.property(anySpan, ({ span, start }) => {
        const [low, high] = [chunkOf(span.first), chunkOf(span.last)];
        const count = high - low + 1n;
        const total = count < MAX_CHUNKS ? count : MAX_CHUNKS;
        const expected = numbers(1n, total).map((step) => low + ((start - low + step) % count));
        const visited = chunksOf(walk(span, start).flat());
        assert.deepEqual(visited, expected);
        assert.equal(new Set(visited).size, visited.length);
        if (count <= MAX_CHUNKS) assert.equal(visited.at(-1), start);
      }),
    );
  });

  it('have segments that each lie within one group, and no more of them than necessary', () => {
    fc.assert(
      fc.property(anySpan, ({ span, start }) => {
        for (const window of windows(span, start)) {
          for (const { first, last } of window) {
            assert.ok(first <= last);
            assert.equal(first / CHUNKS_PER_GROUP, last / CHUNKS_PER_GROUP);
          }
          const breaks = chunksOf(window).filter(
            (at, i, all) => i > 0 && (at % 64n === 0n || at !== (all[i - 1] ?? 0n) + 1n),
          );
          assert.equal(window.length, breaks.length + 1);
        }
      }),
    );
  });
});
