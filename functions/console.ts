/** What operators call. The policy of hosts does not allow its URL. */
import {
  type Declaration,
  type HostAnswer,
  type HostStateAnswer,
  type SetSpaceAnswer,
  type SpaceAnswer,
  hostMessage,
  hostStateMessage,
  setSpaceMessage,
  spaceMessage,
} from '../protocol/operator-messages.ts';
import { openWithNotes } from './dynamo/open-notes.ts';
import { isFirstDelivery } from './ipam/hosts/deduplicate.ts';
import { type ReportOutcome, declareDead, reportDrain } from './ipam/hosts/host-events.ts';
import { viewHost } from './ipam/hosts/host-view.ts';
import { adoptHost, reclaimFormer, resumeHost } from './ipam/hosts/operator-actions.ts';
import { changeSpace, showSpace } from './ipam/spaces/change.ts';
import { parseEnv, tableEnv } from './lambda/env.ts';
import { type Request, handle, parseMessage, parseOperator } from './lambda/handler.ts';
import { hostView } from './lambda/host-answer.ts';
import { log } from './lambda/log.ts';
import { patchOf, spaceView } from './lambda/space-answer.ts';
import { realWorld as world } from './lambda/world.ts';

const { store, notes } = openWithNotes(parseEnv(tableEnv).BERTH_TABLE, world);
const deps = { world, store };

function declare(message: Declaration, why: string): Promise<ReportOutcome> {
  const { Host: host, State: state } = message;
  switch (state) {
    case 'dead':
      return declareDead(deps, host, why, message.OverrideLease);
    case 'draining':
      return reportDrain(deps, host, why);
    case 'live':
      return resumeHost(deps, host);
    case 'adopted':
      return adoptHost(deps, host, message.Principal);
    case 'former-dead':
      return reclaimFormer(deps, host);
  }
}

const hostState = async (request: Request): Promise<HostStateAnswer> => {
  const message = parseMessage(hostStateMessage, request);
  const { Host: host, State: state, Why: why, Key: key, OverrideLease: overrideLease, Principal: heir } = message;
  const principal = parseOperator(request);
  if (!(await isFirstDelivery(deps, host, key))) {
    log('warn', 'declaration repeated', { host, state, principal, key });
    return { Outcome: 'done' };
  }
  const outcome = await declare(message, why === '' ? `${principal} says so` : `${principal} says so: ${why}`);
  log('warn', 'host declared', { host, state, why, overrideLease, heir, principal, outcome });
  return { Outcome: outcome };
};

const host = async (request: Request): Promise<HostAnswer> => {
  const { Host: id } = parseMessage(hostMessage, request);
  parseOperator(request);
  const view = await viewHost(deps, id);
  return view === undefined ? { Outcome: 'unknown' } : { Outcome: 'done', ...hostView(view) };
};

const space = async (request: Request): Promise<SpaceAnswer> => {
  const { Space: name } = parseMessage(spaceMessage, request);
  parseOperator(request);
  return spaceView(await showSpace(deps, name));
};

const setSpace = async (request: Request): Promise<SetSpaceAnswer> => {
  const { Space: name, Set, IfRev: ifRev, Force: force } = parseMessage(setSpaceMessage, request);
  const principal = parseOperator(request);
  const patch = patchOf(Set);
  const { warnings, ...view } = await changeSpace(deps, { space: name, patch, ifRev, force });
  await notes.add(name);
  log('warn', 'space changed', { space: name, patch, force, principal, rev: view.rev, warnings });
  return { ...spaceView(view), Warnings: [...warnings] };
};

export const handler = handle({
  '/Berth.Host': host,
  '/Berth.HostState': hostState,
  '/Berth.Space': space,
  '/Berth.SetSpace': setSpace,
});
