/**
 * A request that is refused: the one error type of the domain. Its text reaches the person who typed the docker
 * command, so it names the value, the rule and the remedy, in Docker's words where Docker has them.
 */

export type RefusalCode =
  | 'invalid-request' // malformed or contradicting input
  | 'foreign-pool' // a PoolID that is not ours, or not this host's
  | 'foreign-host' // a host id that is bound to another principal
  | 'host-taken' // a host id that another machine has, which was seen of late
  | 'host-fenced' // a host that was silent for too long and has not registered since
  | 'host-draining' // a host that is about to go
  | 'foreign-region' // a table that another Region writes to
  | 'pool-gone' // a PoolID whose network was released
  | 'pool-overlap'
  | 'no-pool-left'
  | 'no-address-left'
  | 'address-in-use'
  | 'out-of-range'
  | 'busy'; // others kept winning; trying again may succeed

export class Refusal extends Error {
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.name = 'Refusal';
    this.code = code;
  }
}
