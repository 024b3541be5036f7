/**
 * Functions whose process ends in the middle of a write, before the engine has got it or after it was carried out: killed,
 * or by the deadline. Whatever they left undone, the host repeats and settles, until the table holds what dockerd believes.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Method } from '../faults/answers.ts';
import { FaultyHost } from '../faults/host.ts';
import { scenarios } from '../faults/scenarios.ts';
import { nextTrial, subnetOf } from '../faults/trial.ts';
import type { Moment } from './support/engine-relay.ts';
import { LambdaCloud } from './support/lambda-cloud.ts';
import { unpackedFunctions } from './support/packages.ts';
import { runtimeClient, whyNoRuntimeClient } from './support/runtime-client.ts';

/** s: a new process has to start in it. */
const DEADLINE = 15;
/** ms after which an announcement is taken for abandoned (docs/data-model.md). */
const ABANDONED = 5_000;
/** Who ends between announcing a pool and adding a reference to it leaves nothing that a settlement could find. */
const UNCONFIRMED = /^unfinished: the pool .* \(pending\)$/;

/** What is done to a function while its write is held. */
type End = 'killed' | 'late';

interface Blow {
  readonly end: End;
  readonly when: Moment;
  /** Which write, from 1. */
  readonly nth: number;
}

const functionOf = (method: Method) => (method.endsWith('Pool') ? 'pools' : 'addresses');

/** A function's process ends in its nth write from now. @returns how many did, once that is told to be over. */
function strike(cloud: LambdaCloud, name: 'pools' | 'addresses' | 'hosts', { end, when, nth }: Blow): () => number {
  const [pool, relay] = [cloud.pool(name), cloud.relay(name)];
  let struck = 0;
  relay.setTrap(when, nth, () => {
    struck++;
    for (const environment of pool.environments) {
      if (end === 'killed') void environment.kill();
      else environment.expire();
    }
  });
  return () => {
    relay.clearTrap();
    return struck;
  };
}

const ends = [
  { end: 'killed', what: 'is killed', mostWrites: 4 },
  // For the table it is the same end.
  { end: 'late', what: 'reaches its deadline', mostWrites: 2 },
] as const;
const moments = [
  { when: 'before', moment: 'before the engine has got it' },
  { when: 'after', moment: 'after it was carried out' },
] as const;

describe('a function', { skip: whyNoRuntimeClient() ?? false }, () => {
  let packages: string;

  before(async () => {
    runtimeClient();
    packages = await unpackedFunctions();
  });

  for (const { end, what, mostWrites } of ends) {
    describe(`that ${what}`, () => {
      let cloud: LambdaCloud;
      let settlementsStruck = 0;

      before(async () => {
        cloud = await LambdaCloud.start({ packages, concurrency: 1 });
      });

      after(() => cloud.stop());

      for (const { when, moment } of moments) {
        for (let nth = 1; nth <= mostWrites; nth++) {
          it(`in write ${nth}, ${moment}, costs no call, and the table is what dockerd believes`, async () => {
            settlementsStruck += await round(cloud, { end, when, nth });
          });
        }
      }

      it('and does so while a host settles, which then does it again', () => {
        assert.ok(settlementsStruck > 0);
      });

      it('leaves at most announcements that nobody confirmed, which a sweep removes', async () => {
        await delay(ABANDONED);
        await cloud.sweep();
        const { pools } = await cloud.contents();
        assert.deepEqual(
          pools.filter(({ state }) => state !== 'confirmed'),
          [],
        );
      });
    });
  }
});

/** Every call of dockerd, one by one, each with the blow, and what the host settles. @returns how often that was hit. */
async function round(cloud: LambdaCloud, blow: Blow): Promise<number> {
  const trial = nextTrial();
  const host = await FaultyHost.start(cloud, `host-${trial}`, DEADLINE);
  try {
    const settled = strike(cloud, 'hosts', blow);
    let struck = 0;
    for (const [index, [name, { method, prepare }]] of Object.entries(scenarios).entries()) {
      const call = await prepare(host.dockerd(), subnetOf(trial, index));
      const over = strike(cloud, functionOf(method), blow);
      assert.equal((await call()).error, undefined, name);
      struck += over();
    }
    assert.ok(struck > 0, 'no call writes so often');
    await host.drain();
    const found = (await host.differences()).map(({ text }) => text);
    assert.deepEqual(
      found.filter((text) => !UNCONFIRMED.test(text)),
      [],
    );
    return settled();
  } finally {
    await host.stop();
  }
}
