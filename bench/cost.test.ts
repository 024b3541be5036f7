/** The counting itself, and that docs/operations.md has its figures. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { type Idle, idleMonth, itemsOf, sum } from './bill.ts';
import { printed } from './run.ts';
import { readFigures } from './document.ts';

describe('bench:cost', () => {
  let lines: string[];
  let written: string[];
  before(async () => {
    lines = printed('cost.ts').trim().split('\n');
    written = (await readFigures('cost', 'docs/operations.md')).split('\n');
  });

  it('prints what the document says', () => {
    assert.deepEqual(written, lines, 'npm run bench:cost -- --write');
  });

  it('counts a container as two calls, two writes and a read', () => {
    assert.ok(lines.includes('| container: start and stop | 2 | 2 | 1 |'));
    assert.ok(lines.includes('| heartbeat | 1 | 1 | 1 |'));
  });
});

describe('a bill', () => {
  const container = { calls: 2, requests: 3, writes: 2, reads: 1 };

  it('agrees with one worked out by hand', () => {
    const bill = Object.fromEntries(
      itemsOf(container, 1_000_000, 'HTTP API').map(({ what, dollars }) => [what, dollars]),
    );
    assert.equal(bill['DynamoDB, writes'], 1.25);
    assert.equal(bill['DynamoDB, reads'], 0.125);
    assert.equal(bill['Lambda, requests'], 0.4);
    assert.equal(bill['HTTP API'], 2);
    // 2,000,000 calls of 10 ms with a quarter of a GB.
    assert.ok(Math.abs((bill['Lambda, time'] ?? NaN) - 5_000 * 0.0000133334) < 1e-9);
  });

  it('has no line for an API in a stack without one', () => {
    const [urls, api] = (['Function URLs', 'HTTP API'] as const).map((front) => itemsOf(container, 1, front));
    assert.ok(sum(urls ?? []) < sum(api ?? []));
    assert.equal(urls?.find(({ what }) => what === 'HTTP API')?.dollars, 0);
  });

  it('for a month without hosts has the cost of the stack alone, and grows with each host', () => {
    const line = { fixed: { writes: 0, reads: 0 }, perHost: { writes: 1, reads: 1 } };
    const idle: Idle = {
      heartbeat: line,
      hosts: line,
      walk: line,
      look: { calls: 3, requests: 9, writes: 0, reads: 9 },
      bytes: 2_000,
    };
    const [none, some, twice] = [0, 1_000, 2_000].map((hosts) => sum(idleMonth(idle, hosts, 'Function URLs')));
    assert.ok(none !== undefined && some !== undefined && twice !== undefined);
    assert.ok(some > none && Math.abs(twice - some - (some - none)) < 1e-9);
    const heartbeats = idleMonth(idle, 1_000, 'Function URLs').find(({ what }) => what === 'heartbeats');
    // 4,320 for each host: one write, one read and one call of a function each.
    const each = 0.625 + 0.125 + 0.2 + 0.0025 * 13.3334;
    assert.ok(Math.abs((heartbeats?.dollars ?? NaN) - 4.32 * each) < 0.01, JSON.stringify(heartbeats));
  });
});
