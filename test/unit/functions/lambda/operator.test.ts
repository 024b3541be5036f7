/** Which principals may report on hosts as operators, and what they may report. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as v from 'valibot';
import { Refusal } from '../../../../functions/ipam/refusal.ts';
import { parseOperator } from '../../../../functions/lambda/handler.ts';
import { hostStateMessage } from '../../../../protocol/operator-messages.ts';

const request = (principal: string | undefined) => ({ headers: {}, body: '', principal, deadline: 0 });

describe('an operator', () => {
  for (const principal of [
    'arn:aws:iam::123456789012:user/alice',
    'arn:aws:sts::123456789012:assumed-role/admin/alice',
    'arn:aws:sts::123456789012:assumed-role/admin/i-think',
    'arn:aws-cn:iam::123456789012:root',
  ]) {
    it(`may be ${principal}`, () => {
      assert.equal(parseOperator(request(principal)), principal);
    });
  }

  for (const principal of [
    'arn:aws:sts::123456789012:assumed-role/berth-host/i-1234567890abcdef0',
    'arn:aws:sts::123456789012:assumed-role/berth-host/i-12345678',
    'arn:aws-us-gov:sts::123456789012:assumed-role/path/berth-host/i-1234567890abcdef0',
  ]) {
    it(`cannot be an instance, whatever its policy allows: ${principal}`, () => {
      assert.throws(
        () => parseOperator(request(principal)),
        (error) => error instanceof Refusal && error.code === 'foreign-host' && error.message.includes(principal),
      );
    });
  }

  it('must have signed', () => {
    assert.throws(() => parseOperator(request(undefined)), /is not signed/);
  });
});

describe('the report about a host', () => {
  const Key = 'key-of-this-one';
  const accepted = (message: object): boolean => v.safeParse(hostStateMessage, message).success;

  it('says that it is dead, drains, no longer drains or is adopted, and why', () => {
    assert.deepEqual(v.parse(hostStateMessage, { Host: 'web-1', State: 'dead', Key }), {
      Host: 'web-1',
      State: 'dead',
      Why: '',
      OverrideLease: false,
      Key,
    });
    assert.ok(accepted({ Host: 'i-1234567890abcdef0', State: 'draining', Why: 'the rack burns', Key }));
    for (const State of ['live', 'adopted']) assert.ok(accepted({ Host: 'web-1', State, Key }));
  });

  it('says nothing else', () => {
    for (const message of [
      { Host: 'web-1', Key },
      { Host: 'web-1', State: 'dead', Key, OverrideLease: 'yes' },
      { Host: 'web-1', State: 'dead' },
      { Host: 'web-1', State: 'dead', Key: 'short' },
      { Host: 'web-1', State: 'fenced', Key },
      { Host: '', State: 'dead', Key },
      { Host: 'web 1', State: 'dead', Key },
      { Host: ['web-1'], State: 'dead', Key },
      { Host: 'web-1', State: 'dead', Why: 'x'.repeat(257), Key },
      { Host: 'web-1', State: 'dead', Why: 'two\nlines', Key },
    ]) {
      assert.ok(!accepted(message), JSON.stringify(message));
    }
  });
});
