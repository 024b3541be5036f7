/** Why a request is refused: the functions say so in the header `berth-refusal`, beside a text for people. */
export type RefusalCode =
  | 'invalid-request' // malformed or contradicting input
  | 'unsigned-header' // a header of ours that is not signed
  | 'foreign-pool' // a PoolID that is not ours, or not this host's
  | 'foreign-host' // a host id that is bound to another principal
  | 'not-manager' // a host that no operator has named as a manager of a swarm
  | 'host-unknown' // a host id that nobody has registered
  | 'host-state' // what is asked of a host does not go with its state
  | 'host-taken' // a host id that another machine has, which was seen of late
  | 'former-machine' // what a machine holds that was this host before
  | 'host-fenced' // a host that was silent for too long and has not registered since
  | 'host-draining' // a host that is about to go
  | 'newer-format' // what a newer version of Berth has written or given out
  | 'foreign-region' // a table that another Region writes to
  | 'pool-gone' // a PoolID whose network was released
  | 'pool-overlap'
  | 'no-pool-left'
  | 'limit-reached' // an operator's limit of the space
  | 'still-held' // a change of a space that touches what is held
  | 'space-changed' // by somebody else, since it was looked at
  | 'no-address-left'
  | 'address-in-use'
  | 'out-of-range'
  | 'busy'; // others kept winning; trying again may succeed
