/** What the deployment says of each function. Imports none of the tools that build them, for many processes read it. */
import path from 'node:path';
import type { FunctionName } from '../../../../infra/build.ts';
import type { PackagedFunction } from './environment.ts';

/** A file beside the packages, once a cloud has taken them up. */
export const LOADED = 'loaded';

/** s, as in serverless.yml. */
const TIMEOUTS: Readonly<Record<FunctionName, number>> = {
  ...{ capabilities: 3, pools: 10, addresses: 10, hosts: 10 },
  ...{ console: 60, sweep: 60 },
};

/** @param folder of all functions @param environment what the template and the role give it. */
export const deployed = (
  folder: string,
  name: FunctionName,
  environment: Readonly<Record<string, string>>,
): PackagedFunction => ({ name, folder: path.join(folder, name), timeout: TIMEOUTS[name] * 1_000, environment });
