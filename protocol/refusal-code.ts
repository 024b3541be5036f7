/** Why a request is refused: the functions say so in the header `berth-refusal`, beside a text for people. */
export type RefusalCode =
  | 'invalid-request' // malformed or contradictory input
  | 'unsigned-header' // a header of ours that is not signed
  | 'foreign-pool' // a PoolID that is not ours, or not this host's
  | 'foreign-host' // a host id that is bound to another principal
  | 'not-manager' // a host that no operator has named as a manager of a swarm
  | 'host-unknown' // a host id that has not been registered
  | 'host-state' // an operation that the state of the host does not allow
  | 'host-taken' // a host id that another machine has, which was seen recently
  | 'former-machine' // what the machine holds that was this host before
  | 'host-fenced' // a host that was silent for too long and has not registered since
  | 'host-draining' // a host that is about to go
  | 'newer-format' // what a newer version of Berth has written or issued
  | 'foreign-region' // a table that another Region writes to
  | 'pool-gone' // a PoolID whose network was released
  | 'pool-overlap'
  | 'no-pool-left'
  | 'limit-reached' // an operator's limit of the space
  | 'still-held' // a change of a space that touches what is held
  | 'space-changed' // by another operator, since it was read
  | 'no-address-left'
  | 'address-in-use'
  | 'out-of-range'
  | 'busy'; // others kept winning; trying again may succeed
