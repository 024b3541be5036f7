/** The states of a network: of a reference in the table, and in the answers about it. */
export const NETWORK_STATES = ['live', 'draining', 'dormant', 'reviving', 'gone'] as const;

/** The states of a host. */
export const HOST_STATES = ['live', 'draining', 'fenced', 'dead'] as const;
