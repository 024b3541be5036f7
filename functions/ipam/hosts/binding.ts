/**
 * Who may act as a host: only the principal that signed its registration, which the host item records. A warm function
 * caches it for a while, so that most calls need no read for this check.
 */
import { isInstanceId } from '../../../protocol/ids.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import { type Host, IN_FLIGHT_MS, boundPrincipal, sessionOf } from '../host.ts';
import { clip } from '../quote.ts';
import { Refusal } from '../refusal.ts';
import { isoTime } from '../world.ts';

/** ms for which a principal that was accepted is not looked up again. */
export const HINT_LIFETIME_MS = 300_000;
/**
 * ms after which no function accepts the former binding of a fenced or dead host: all hints from before have expired, and
 * the calls that they let through have ended.
 */
export const BINDING_LIFETIME_MS = HINT_LIFETIME_MS + IN_FLIGHT_MS;
const MAX_HINTS = 10_000;
/** Longer than the ARN of a role. */
const MAX_PRINCIPAL_LENGTH = 300;

interface Hint extends Pick<Host, 'epoch' | 'ownEpoch'> {
  readonly principal: string;
  /** ms */
  readonly until: number;
}

/** The bindings of hosts that one process knows. */
export class Bindings {
  readonly #deps: Deps;
  readonly #hints = new Map<string, Hint>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /**
   * A hint can only let a call through; before a call is refused, the host is read.
   *
   * @param principal the signer of the call (an ARN).
   * @returns the epoch from which on the references of the host are this machine's.
   * @throws Refusal `foreign-host` when the host is bound to another principal, `host-unknown` when it is bound to none,
   * `host-fenced` when another machine has taken its place.
   */
  async check({ hostId, epoch }: Pick<Call, 'hostId' | 'epoch'>, principal: string): Promise<number> {
    const { store, world } = this.#deps;
    const signer = boundPrincipal(principal);
    const now = world.now();
    const hint = this.#hints.get(hostId);
    // A machine that has taken another's place has its own epoch.
    if (hint?.principal === signer && hint.epoch === epoch && now < hint.until) return hint.ownEpoch;
    const host = await store.readHost(hostId);
    if (host === undefined || host.isAwaited || host.principal === '') throw unknown(hostId);
    refuseStranger(host, principal);
    // The binding of a live host does not change. A fenced or dead host may be adopted at any time.
    const { ownEpoch } = host;
    if (host.state === 'live' || host.state === 'draining')
      this.#remember(hostId, { principal: signer, epoch: host.epoch, ownEpoch, until: now + HINT_LIFETIME_MS });
    if (epoch < ownEpoch) throw replaced(host);
    return ownEpoch;
  }

  #remember(hostId: string, hint: Hint): void {
    // Deleted first, so that the oldest hint is the first of the map.
    this.#hints.delete(hostId);
    this.#hints.set(hostId, hint);
    const [eldest] = this.#hints.keys();
    if (this.#hints.size > MAX_HINTS && eldest !== undefined) this.#hints.delete(eldest);
  }
}

/**
 * Without a host item no sweep would find what a host holds once it is silent, or know whose it is. So a host must
 * register first, which the shim does by itself.
 */
const unknown = (hostId: string): Refusal =>
  new Refusal(
    'host-unknown',
    `host ${hostId} is not registered; its shim registers when it starts, and tries again now; ` +
      'if this error persists, the log of the shim says why',
  );

const replaced = ({ id, since }: Host): Refusal =>
  new Refusal(
    'host-fenced',
    `another machine has been host ${id} since ${isoTime(since)}; this one keeps what it holds, but can neither request ` +
      'nor release anything until an operator decides which of the two is the host',
  );

/** @throws Refusal when a host is bound to another principal, or to none that may sign. */
export function refuseStranger({ id, principal: bound }: Pick<Host, 'id' | 'principal'>, principal: string): void {
  if (bound === '') throw adoptedByNobody(id);
  const [ours, theirs] = [boundPrincipal(bound), boundPrincipal(principal)];
  if (ours === theirs) return;
  throw new Refusal(
    'foreign-host',
    `host ${id} is bound to ${shown(ours)}, but this call is signed by ${shown(theirs)}; ` +
      'sign with the credentials of the former, or give this machine its own id with --host-id',
    { bound: shown(ours) },
  );
}

const adoptedByNobody = (id: string): Refusal =>
  new Refusal(
    'foreign-host',
    `host ${id} was adopted with an earlier version of Berth, which recorded no principal; ` +
      `name its principal with berth host adopt ${id} --principal ARN`,
    { bound: 'nobody' },
  );

/**
 * The id of an instance belongs to that instance: of all sessions of roles, only the one that EC2 named after it may be
 * the first to register it. A user has no session, so its name does not show an instance.
 *
 * @throws Refusal
 */
export function refuseOtherSession(hostId: string, principal: string): void {
  const session = sessionOf(principal);
  if (!isInstanceId(hostId) || session === undefined || session === hostId) return;
  throw new Refusal(
    'foreign-host',
    `${hostId} is the id of an EC2 instance, but this call is signed by ${shown(principal)}, which is not its session; ` +
      'sign with the role of that instance, name the role session after it, or choose another id with --host-id',
  );
}

const shown = (arn: string): string => clip(arn, MAX_PRINCIPAL_LENGTH);
