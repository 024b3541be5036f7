/** The states of a network: of a reference in the table, and in the answers about it. */
export const NETWORK_STATES = ['live', 'draining', 'dormant', 'reviving', 'gone'] as const;

/** The states of a host. */
export const HOST_STATES = ['live', 'draining', 'fenced', 'dead'] as const;

/** How a host is, by its shim. `degraded`: it recovers by itself. `failing`: calls fail, and an operator must act. */
export const HEALTH_STATUSES = ['ok', 'degraded', 'failing'] as const;
