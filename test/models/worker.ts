/** Runs one check in a thread of its own: the test runner watches every promise, which makes a simulation slow. */
import { parentPort, workerData } from 'node:worker_threads';
import * as v from 'valibot';
import { models } from './models.ts';

const { group, name } = v.parse(v.object({ group: v.string(), name: v.string() }), workerData);
const check = models[group]?.find((candidate) => candidate.name === name);
if (check === undefined) throw new Error(`there is no check ${group}: ${name}`);
parentPort?.postMessage(await check.run());
