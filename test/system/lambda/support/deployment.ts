/** The deployment's settings of each function. It does not import the build tools, since many processes load it. */
import path from 'node:path';
import type { FunctionName } from '../../../../infra/build.ts';
import type { PackagedFunction } from './environment.ts';

/** A file next to the packages, which exists once a cloud has used them. */
export const LOADED = 'loaded';

/** s, as in serverless.yml. */
const TIMEOUTS: Readonly<Record<FunctionName, number>> = {
  capabilities: 3,
  pools: 10,
  addresses: 10,
  hosts: 10,
  console: 60,
  viewer: 10,
  check: 29,
  sweep: 60,
  history: 60,
};

/** @param folder of all functions @param environment what the template and the role give it. */
export const deployed = (
  folder: string,
  name: FunctionName,
  environment: Readonly<Record<string, string>>,
): PackagedFunction => ({ name, folder: path.join(folder, name), timeout: TIMEOUTS[name] * 1_000, environment });
