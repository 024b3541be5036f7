/**
 * One host of a fleet, as a process: `node host.ts PLAN`. It waits for a message from its parent before it begins and
 * before it releases what it holds, and sends one when it is done.
 */
import { flushCompileCache } from 'node:module';
import * as v from 'valibot';
import { chance } from '../../support/interleaving.ts';
import { type Method } from '../../../protocol/methods.ts';
import { Client } from './client.ts';
import { Scribe } from './history.ts';
import { Life } from './life.ts';
import { plan as planSchema } from './plan.ts';

const plan = v.parse(v.pipe(v.string(), v.parseJson(), planSchema), process.argv[2]);
const random = chance(plan.seed);
let calls = 0;

/** The call at which the host is killed, whose outcome it never learns. */
function isLast(method: Method): boolean {
  calls++;
  const { death } = plan;
  if (method !== death?.method || calls < death.afterCalls) return false;
  tell('dying');
  return true;
}

function tell(word: string): void {
  process.send?.(word);
}

const told = (word: string): Promise<void> =>
  new Promise((resolve) => {
    const listen = (message: unknown): void => {
      if (message !== word) return;
      process.off('message', listen);
      resolve();
    };
    process.on('message', listen);
  });

process.once('disconnect', () => process.exit(1));

const client = new Client({ hostId: plan.hostId, scribe: new Scribe(plan.history), random, isLast });
const life = new Life(client, random);
// Saves the compile cache for the next host.
flushCompileCache();
await client.register();
const go = told('go');
tell('ready');
await go;
await life.begin();
// A doomed host continues until it is killed.
for (let actions = 0; actions < plan.actions || plan.death !== undefined; actions++) await life.act();
const giveBack = told('give back');
tell('done');
await giveBack;
await life.end();
process.exit(0);
