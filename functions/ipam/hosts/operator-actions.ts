/** What an operator may revise about a host: that it drains, and which machine it is. */
import type { Deps } from '../deps.ts';
import { type Host, NOBODY_BEFORE, boundPrincipal } from '../host.ts';
import { clip } from '../quote.ts';
import { Refusal } from '../refusal.ts';
import { isoTime } from '../world.ts';
import { wakeRefs } from './fence.ts';
import { type ReportOutcome, report } from './host-events.ts';

/**
 * Lifts a drain. The epoch is raised, as by a fence: a drain that is still under way leaves references of a later epoch
 * alone. The host's next call is refused, so it registers, and its networks are awake. Safe to repeat.
 *
 * @throws Refusal `host-state` when the host is fenced or dead.
 */
export async function resumeHost(deps: Deps, hostId: string): Promise<ReportOutcome> {
  return report(deps, hostId, {
    follow: wakeAll,
    change: (host) => {
      if (host.state === 'live') return undefined;
      if (host.state !== 'draining') throw notDraining(host);
      return { ...host, state: 'live', epoch: host.epoch + 1, why: '', refsLag: true };
    },
  });
}

/** Wakes what it can until the deadline. The host's next registration wakes the rest. */
async function wakeAll(deps: Deps, host: Host, deadline: number): Promise<void> {
  let next: Host | undefined = host;
  while (next !== undefined && deps.world.now() < deadline && (await wakeRefs(deps, { deadline }, next))) {
    next = await deps.store.readHost(host.id);
  }
}

const notDraining = ({ id, state }: Host): Refusal =>
  new Refusal(
    'host-state',
    `host ${id} is ${state}, not draining; it is live again as soon as it registers, which its shim does by itself; ` +
      `to let another machine take its place, use berth host adopt ${id} --principal ARN`,
  );

/**
 * The machine of the principal that an operator names becomes the host once it registers, and the host's networks wake for
 * it. Its incarnation shows then, as before, whether it has the host's journal. If that machine is the host already, and
 * what the former machine held is dormant, that wakes for it. Safe to repeat.
 *
 * @param principal the signer on that machine (an ARN): a user, or a session of a role. On EC2 the session is named after
 * the instance, so that no other instance of the role is meant. `undefined`: an older `berth` does not send it.
 * @throws Refusal `invalid-request` without a principal that can sign; `host-state` when the host is neither fenced nor
 * dead, since two machines would be one host.
 */
export async function adoptHost(deps: Deps, hostId: string, principal: string | undefined): Promise<ReportOutcome> {
  if (principal === undefined || !SIGNS.test(principal)) throw nobodyNamed(hostId, principal);
  return report(deps, hostId, {
    follow: wakeAll,
    change: (host) => {
      if (host.state === 'fenced' || host.state === 'dead') {
        if (host.isAwaited && host.principal === principal) return undefined;
        return { ...host, ...NOBODY_BEFORE, principal, machine: {}, isAdopted: true, isAwaited: true };
      }
      if (host.former === '' || boundPrincipal(host.principal) !== boundPrincipal(principal)) throw stillAlive(host);
      return { ...host, ...NOBODY_BEFORE, refsLag: true };
    },
  });
}

/**
 * The machine that was this host before the present one is gone for good: the next sweep frees what it held. Safe to
 * repeat.
 *
 * @throws Refusal `host-state` when no former machine holds anything.
 */
export async function reclaimFormer(deps: Deps, hostId: string): Promise<ReportOutcome> {
  return report(deps, hostId, {
    follow: nothing,
    change: (host) => {
      if (host.former === 'dead') return undefined;
      if (host.former === '') throw noFormer(host);
      return { ...host, former: 'dead' };
    },
  });
}

/** A role signs through its sessions, each of which has its own ARN; one without a session name means any session. */
const SIGNS = /^arn:[\w-]+:(iam::\d{12}:(root|user\/[!-~]+)|sts::\d{12}:(assumed-role|federated-user)\/[!-~]+)$/;

const nobodyNamed = (id: string, principal: string | undefined): Refusal =>
  new Refusal(
    'invalid-request',
    `${principal === undefined ? `no principal is given for host ${id}` : `${clip(principal, 100)} cannot sign requests`}; ` +
      `use berth host adopt ${id} --principal ARN, with the ARN of a user or of a role session, such as ` +
      'arn:aws:sts::ACCOUNT:assumed-role/ROLE/INSTANCE-ID on EC2 (aws sts get-caller-identity on the new machine shows it; ' +
      'if berth lacks that option, install the version of the functions)',
  );

const nothing = (): Promise<void> => Promise.resolve();

const noFormer = ({ id }: Host): Refusal =>
  new Refusal(
    'host-state',
    `no former machine of host ${id} holds anything; if ${id} itself is gone for good, use berth host dead ${id}`,
  );

const stillAlive = ({ id, state, lastSeen, leaseUntil }: Host): Refusal =>
  new Refusal(
    'host-state',
    `host ${id} is ${state}, and was last seen at ${isoTime(lastSeen)}; another machine can take its place once it is ` +
      `fenced or dead; stop it and wait until it is fenced (after ${isoTime(leaseUntil)}), or, if it is gone for good and ` +
      `may lose what it holds, first use berth host dead ${id}`,
  );
