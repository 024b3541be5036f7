import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RateGuard } from '../../../shim/plugin/pool-loop-guard.ts';

function guardOf(): { guard: RateGuard; clock: { now: number }; grant: (count: number) => void } {
  const clock = { now: 0 };
  const guard = new RateGuard(() => clock.now);
  let granted = 0;
  const grant = (count: number): void => {
    for (let i = 0; i < count; i++) guard.granted(`pool-${granted++}`);
  };
  return { guard, clock, grant };
}

describe('automatic pools', () => {
  it('are refused after sixteen that no later request named', () => {
    const { guard, grant } = guardOf();
    grant(15);
    assert.equal(guard.refusal(), undefined);
    grant(1);
    assert.match(guard.refusal() ?? '', /^dockerd asked for 16 automatic pools within 5 s and used none: .*--subnet/);
  });

  it('are granted without end to a caller that names each one it gets', () => {
    const { guard, grant } = guardOf();
    for (let i = 0; i < 100; i++) {
      grant(1);
      guard.named(`pool-${i}`);
      assert.equal(guard.refusal(), undefined);
    }
  });

  it('are granted again once five seconds have passed', () => {
    const { guard, clock, grant } = guardOf();
    grant(16);
    clock.now = 4_999;
    assert.notEqual(guard.refusal(), undefined);
    clock.now = 5_000;
    assert.equal(guard.refusal(), undefined);
  });

  it('are granted again once a refused caller names one', () => {
    const { guard, grant } = guardOf();
    grant(16);
    guard.named('somebody else');
    assert.notEqual(guard.refusal(), undefined);
    guard.named('pool-3');
    assert.equal(guard.refusal(), undefined);
  });

  it('are granted once for each preceding query, named or not', () => {
    const { guard, grant } = guardOf();
    for (let i = 0; i < 100; i++) {
      guard.asked();
      assert.equal(guard.refusal(), undefined);
      grant(1);
    }
  });

  it('are refused to a loop, even if networks are created at the same time', () => {
    const { guard, grant } = guardOf();
    // For a network with one pool, engines of version 27 and later send two queries first.
    let rounds = 0;
    for (; guard.refusal() === undefined && rounds < 1_000; rounds++) {
      if (rounds % 4 === 0) {
        guard.asked();
        guard.asked();
        grant(1);
        guard.named(`pool-${rounds}`);
      }
      grant(2);
    }
    assert.ok(rounds < 20, `refused after ${rounds} rounds`);
  });

  it('are refused to a loop whose networks were requested long ago', () => {
    const { guard, clock, grant } = guardOf();
    for (let i = 0; i < 50; i++) guard.asked();
    clock.now = 30_000;
    grant(16);
    assert.notEqual(guard.refusal(), undefined);
  });

  it('are granted to a network that is requested while a loop is refused', () => {
    const { guard, grant } = guardOf();
    grant(16);
    assert.notEqual(guard.refusal(), undefined);
    guard.asked();
    assert.equal(guard.refusal(), undefined);
    grant(1);
    assert.notEqual(guard.refusal(), undefined);
  });

  it('are not refused for long when the system clock is set back', (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 0) });
    const guard = new RateGuard();
    for (let i = 0; i < 16; i++) guard.granted(`pool-${i}`);
    t.mock.timers.setTime(Date.UTC(2027, 0));
    assert.notEqual(guard.refusal(), undefined, 'the guard has a clock of its own');
  });
});
