/** Asks a running shim for its health, over its own socket. */
import * as v from 'valibot';
import { type Health, healthAnswer } from '../plugin/health.ts';
import { HEALTH_PATH } from '../plugin/plugin.ts';
import { askShim } from './shim-client.ts';

const ANSWER_TIMEOUT_MS = 5_000;

/** @throws Error when no shim serves the socket. */
export async function askHealth(socket: string): Promise<Health> {
  const body = await askShim(socket, HEALTH_PATH, ANSWER_TIMEOUT_MS);
  return v.parse(v.pipe(v.string(), v.parseJson(), healthAnswer), body);
}
