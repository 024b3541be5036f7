/** What an operator takes back of a host: that it drains, or whose it is. */
import type { Deps } from '../deps.ts';
import { type Host, NOBODY_BEFORE, boundPrincipal } from '../host.ts';
import { clip } from '../quote.ts';
import { Refusal } from '../refusal.ts';
import { isoTime } from '../world.ts';
import { wakeRefs } from './fence.ts';
import { type ReportOutcome, report } from './host-events.ts';

/**
 * A drain is lifted. Its epoch is raised, as by a fence: a drain that is still under way leaves alone what is of a later
 * one. The host's next call is refused, it registers, and its networks are awake. Safe to repeat.
 *
 * @throws Refusal `host-state` when the host is fenced or dead.
 */
export async function resumeHost(deps: Deps, hostId: string): Promise<ReportOutcome> {
  return report(deps, hostId, wakeAll, (host) => {
    if (host.state === 'live') return undefined;
    if (host.state !== 'draining') throw notDraining(host);
    return { ...host, state: 'live', epoch: host.epoch + 1, why: '', refsLag: true };
  });
}

/** What is left, the registration of the host wakes. */
async function wakeAll(deps: Deps, host: Host, deadline: number): Promise<void> {
  let next: Host | undefined = host;
  while (next !== undefined && deps.world.now() < deadline && (await wakeRefs(deps, { deadline }, next))) {
    next = await deps.store.readHost(host.id);
  }
}

const notDraining = ({ id, state }: Host): Refusal =>
  new Refusal(
    'host-state',
    `host ${id} is ${state}, and does not drain: it is live again as soon as it registers, which its shim does by itself; ` +
      'another machine may take its place: berth host adopt',
  );

/**
 * Whom an operator names is the host from now on, once it registers: its networks wake for that machine. Whether that one
 * has the host's journal, its incarnation tells then, as ever. Where another
 * machine is the host already, and what the former held is asleep, that wakes for it. Safe to repeat.
 *
 * @param principal who signs on that machine (an ARN): a user, or a session of a role. On EC2 the session is named by the
 * instance, so that no other instance of the role is meant. `undefined`: a program of an earlier version does not say.
 * @throws Refusal `invalid-request` without a principal that may sign; `host-state` when the host is neither fenced nor
 * dead: two machines would be one host.
 */
export async function adoptHost(deps: Deps, hostId: string, principal: string | undefined): Promise<ReportOutcome> {
  if (principal === undefined || !SIGNS.test(principal)) throw nobodyNamed(hostId, principal);
  return report(deps, hostId, wakeAll, (host) => {
    if (host.state === 'fenced' || host.state === 'dead') {
      if (host.isAwaited && host.principal === principal) return undefined;
      return { ...host, ...NOBODY_BEFORE, principal, machine: {}, isAdopted: true, isAwaited: true };
    }
    if (host.former === '' || boundPrincipal(host.principal) !== boundPrincipal(principal)) throw stillAlive(host);
    return { ...host, ...NOBODY_BEFORE, refsLag: true };
  });
}

/**
 * The machine that was this host before the present one is gone for good: what it held is freed by the next sweep. Safe to
 * repeat.
 *
 * @throws Refusal `host-state` when nothing of a former machine is asleep.
 */
export async function reclaimFormer(deps: Deps, hostId: string): Promise<ReportOutcome> {
  return report(deps, hostId, nothing, (host) => {
    if (host.former === 'dead') return undefined;
    if (host.former === '') throw noFormer(host);
    return { ...host, former: 'dead' };
  });
}

/** Of a role its sessions sign, which have an ARN of their own; that of a session without a name means any session. */
const SIGNS = /^arn:[\w-]+:(iam::\d{12}:(root|user\/[!-~]+)|sts::\d{12}:(assumed-role|federated-user)\/[!-~]+)$/;

const nobodyNamed = (id: string, principal: string | undefined): Refusal =>
  new Refusal(
    'invalid-request',
    `${principal === undefined ? `it is not said who host ${id} is to be` : `${clip(principal, 100)} signs no request`}: ` +
      `berth host adopt ${id} --principal ARN, with the ARN of a user, or of a role's session, such as ` +
      'arn:aws:sts::ACCOUNT:assumed-role/ROLE/INSTANCE-ID on EC2 (aws sts get-caller-identity tells it on the new machine; ' +
      'a berth without that option is older than the functions: use theirs)',
  );

const nothing = (): Promise<void> => Promise.resolve();

const noFormer = ({ id }: Host): Refusal =>
  new Refusal(
    'host-state',
    `nothing of a machine that was host ${id} before is left: if ${id} itself is gone for good, say berth host dead ${id}`,
  );

const stillAlive = ({ id, state, lastSeen, leaseUntil }: Host): Refusal =>
  new Refusal(
    'host-state',
    `host ${id} is ${state}, and was heard of at ${isoTime(lastSeen)}: another machine may be it once it is fenced or ` +
      `dead; stop it and wait until it is fenced (after ${isoTime(leaseUntil)}), or, if it is gone for good and may ` +
      `lose what it holds, say so first: berth host dead ${id}`,
  );
