/**
 * Functions whose process ends during a write, before the engine has it or after it was carried out: it is killed, or
 * reaches the deadline. The host repeats and settles the call, until the table holds what dockerd believes to have.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Method } from '../../../protocol/methods.ts';
import { FaultyHost } from '../faults/host.ts';
import { scenarios } from '../faults/scenarios.ts';
import { nextTrial, subnetOf } from '../faults/trial.ts';
import type { Moment } from './support/engine-relay.ts';
import { LambdaCloud } from './support/lambda-cloud.ts';
import { unpackedFunctions } from './support/packages.ts';
import { runtimeClient, whyNoRuntimeClient } from './support/runtime-client.ts';

/** s: enough for the start of a new process. */
const DEADLINE = 15;
/** ms after which an announcement is treated as abandoned (docs/data-model.md). */
const ABANDONED = 5_000;
/** A process that ends between announcing a pool and adding a reference leaves nothing that a settlement could find. */
const UNCONFIRMED = /^unfinished: the pool .* \(pending\)$/;

/** What happens to a function while its write is held. */
type End = 'killed' | 'late';

interface Blow {
  readonly end: End;
  readonly when: Moment;
  /** The number of the write, from 1. */
  readonly nth: number;
}

const functionOf = (method: Method) => (method.endsWith('Pool') ? 'pools' : 'addresses');

/** Ends a function's process in its nth write from now. @returns a function that stops this and returns how many ended. */
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
  // For the table, both ends are the same.
  { end: 'late', what: 'reaches its deadline', mostWrites: 2 },
] as const;
const moments = [
  { when: 'before', moment: 'before the engine has the write' },
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
          it(`in write ${nth}, ${moment}: every call succeeds, and the table is what dockerd believes`, async () => {
            settlementsStruck += await round(cloud, { end, when, nth });
          });
        }
      }

      it('during a settlement, which the host then repeats', () => {
        assert.ok(settlementsStruck > 0);
      });

      it('leaves at most unconfirmed announcements, which a sweep removes', async () => {
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

/** Makes every call of dockerd, each with the blow, and lets the host settle. @returns how often the blow hit. */
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
    assert.ok(struck > 0, 'no call has this many writes');
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
