/** The operators' word. Its URL is for people: the policy of hosts does not allow it. */
import { openStore } from './dynamo/open.ts';
import { adoptHost, resumeHost } from './ipam/adoption.ts';
import { reportDeath, reportDrain } from './ipam/death.ts';
import { isHeardFirst } from './ipam/hear-once.ts';
import { parseEnv, tableEnv } from './lambda/env.ts';
import { type Method, handle, parseMessage, parseOperator } from './lambda/handler.ts';
import { log } from './lambda/log.ts';
import { hostStateMessage } from './lambda/messages.ts';
import { realWorld as world } from './lambda/world.ts';

const deps = { world, store: openStore(parseEnv(tableEnv).BERTH_TABLE, world) };

const declarations = { dead: reportDeath, draining: reportDrain, live: resumeHost, adopted: adoptHost };

const hostState: Method = async (request) => {
  const { Host: host, State: state, Why: why, Key: key } = parseMessage(hostStateMessage, request);
  const principal = parseOperator(request);
  if (!(await isHeardFirst(deps, host, key))) {
    log('warn', 'declaration repeated', { host, state, principal, key });
    return { Outcome: 'done' };
  }
  const outcome = await declarations[state](
    deps,
    host,
    why === '' ? `${principal} says so` : `${principal} says so: ${why}`,
  );
  log('warn', 'host declared', { host, state, why, principal, outcome });
  return { Outcome: outcome };
};

export const handler = handle({ '/Berth.HostState': hostState });
