/**
 * Who may act as a host: whoever signed its registration, and nobody else. The host item says who that is. Warm memory
 * holds it for a while, so that a call as a rule reads nothing for it.
 */
import { isInstanceId } from '../../../protocol/ids.ts';
import type { Call } from '../call.ts';
import type { Deps } from '../deps.ts';
import { type Host, IN_FLIGHT, boundPrincipal, sessionOf } from '../host.ts';
import { clip } from '../quote.ts';
import { Refusal } from '../refusal.ts';
import { isoTime } from '../world.ts';

/** ms for which a principal that was found right is not looked up again. */
export const HINT_AGE = 300_000;
/**
 * ms after which nobody takes a fenced or dead host for what it was while it lived: hints were made before that, and
 * what they let through has ended.
 */
export const BINDING_ENDS = HINT_AGE + IN_FLIGHT;
const MAX_HINTS = 10_000;
/** More than a role's ARN has. */
const MAX_PRINCIPAL_LENGTH = 300;

interface Hint extends Pick<Host, 'epoch' | 'ownEpoch'> {
  readonly principal: string;
  /** ms */
  readonly until: number;
}

/** The bindings of hosts, as one process knows them. */
export class Bindings {
  readonly #deps: Deps;
  readonly #hints = new Map<string, Hint>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /**
   * A hint only ever lets a call through; before one is refused, the host is read.
   *
   * @param principal who signed the call (an ARN).
   * @returns from which epoch on what the host holds is this machine's.
   * @throws Refusal `foreign-host` when the host is bound to another, `host-unknown` when it is bound to nobody,
   * `host-fenced` when another machine has taken its place.
   */
  async check({ hostId, epoch }: Pick<Call, 'hostId' | 'epoch'>, principal: string): Promise<number> {
    const { store, world } = this.#deps;
    const signer = boundPrincipal(principal);
    const now = world.now();
    const hint = this.#hints.get(hostId);
    // A machine that has taken another's place has an epoch of its own.
    if (hint?.principal === signer && hint.epoch === epoch && now < hint.until) return hint.ownEpoch;
    const host = await store.readHost(hostId);
    if (host === undefined || host.isAwaited || host.principal === '') throw unknown(hostId);
    refuseStranger(host, principal);
    // The binding of a host that lives does not change. One that is fenced or dead may be adopted at any time.
    const { ownEpoch } = host;
    if (host.state === 'live' || host.state === 'draining')
      this.#remember(hostId, { principal: signer, epoch: host.epoch, ownEpoch, until: now + HINT_AGE });
    if (epoch < ownEpoch) throw replaced(host);
    return ownEpoch;
  }

  #remember(hostId: string, hint: Hint): void {
    // Set anew, so that the eldest comes first.
    this.#hints.delete(hostId);
    this.#hints.set(hostId, hint);
    const [eldest] = this.#hints.keys();
    if (this.#hints.size > MAX_HINTS && eldest !== undefined) this.#hints.delete(eldest);
  }
}

/**
 * Without a host item nobody would ever find what a host holds once it is silent, nor know whose it is: so it registers
 * first, which the shim does by itself.
 */
const unknown = (hostId: string): Refusal =>
  new Refusal(
    'host-unknown',
    `host ${hostId} is not registered, so that it may ask for nothing: its shim registers at its start and again now; ` +
      'if this stays, its log says why',
  );

const replaced = ({ id, since }: Host): Refusal =>
  new Refusal(
    'host-fenced',
    `another machine has been host ${id} since ${isoTime(since)}: what this one holds stays as it is, and ` +
      'it gets nothing new and gives nothing back until an operator says which of the two is the host',
  );

/** @throws Refusal when a host that is bound is bound to another. */
export function refuseStranger({ id, principal: bound }: Pick<Host, 'id' | 'principal'>, principal: string): void {
  if (bound === '') throw adoptedByNobody(id);
  const [ours, theirs] = [boundPrincipal(bound), boundPrincipal(principal)];
  if (ours === theirs) return;
  throw new Refusal(
    'foreign-host',
    `host ${id} is bound to ${shown(ours)}, and this call is signed by ${shown(theirs)}: ` +
      'sign with the credentials of the former, or give this machine an id of its own with --host-id',
    { bound: shown(ours) },
  );
}

const adoptedByNobody = (id: string): Refusal =>
  new Refusal(
    'foreign-host',
    `host ${id} was adopted with an earlier version of Berth, which let whoever came first be it: ` +
      `say who it is to be: berth host adopt ${id} --principal ARN`,
    { bound: 'nobody' },
  );

/**
 * The id of an instance belongs to that instance: of all sessions of roles only the one that EC2 named by it may be the
 * first to register it. A user has no session, and no instance can be told from its name.
 *
 * @throws Refusal
 */
export function refuseOtherSession(hostId: string, principal: string): void {
  const session = sessionOf(principal);
  if (!isInstanceId(hostId) || session === undefined || session === hostId) return;
  throw new Refusal(
    'foreign-host',
    `${hostId} is the id of an EC2 instance, and this call is signed by ${shown(principal)}, which is not its session: ` +
      "sign with the role of that instance, name the role's session by it, or choose another id with --host-id",
  );
}

const shown = (arn: string): string => clip(arn, MAX_PRINCIPAL_LENGTH);
