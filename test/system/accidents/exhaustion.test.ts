/** What an error says about a full space: its reader decides which networks to remove. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Refusal } from '../../../functions/ipam/refusal.ts';
import { cidrRange, parseCidr } from '../../../protocol/address.ts';
import { Host, fleet } from '../../support/fleet.ts';

const range = parseCidr('10.0.0.0/20') ?? assert.fail();

function small() {
  const deps = fleet();
  deps.store.spaces.set('default', { settings: { ranges: [range] }, rev: 'one' });
  return deps;
}

const wordsOf = async (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    () => assert.fail('the request is granted'),
    (error: unknown) => (error instanceof Refusal ? error.message : assert.fail(String(error))),
  );

describe('the error of a full space', () => {
  it('counts all pools and names who created most of them, whatever the search has found', async () => {
    const deps = small();
    for (const [id, count] of [
      ['few', 4],
      ['many', 12],
    ] as const) {
      for (let i = 0; i < count; i++) await new Host(deps, id).pool();
    }
    for (let i = 0; i < 20; i++) {
      const words = await wordsOf(new Host(deps, `h${i}`).pool());
      assert.match(words, /\(16 pools held, created 12 by many, 4 by few\)/);
    }
  });

  it('names the route of the host if that route alone leaves no room', async () => {
    const route = cidrRange(parseCidr('10.0.0.0/8') ?? assert.fail());
    const words = await wordsOf(new Host(small(), 'a').pool({ avoid: [route] }));
    assert.match(words, /this host's own routes \(10\.0\.0\.0 to 10\.255\.255\.255\); remove/);
  });
});
