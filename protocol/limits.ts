/** Bounds that shim and functions both keep. */

/** Bytes of a request's body: far more than Docker sends, and far less than Lambda takes. */
export const MAX_BODY_BYTES = 65_536;
/** Addresses that one question of a comparison names. */
export const MAX_ADDRESSES = 256;
/** Further networks that one question of a comparison names. */
export const MAX_FURTHER_NETWORKS = 63;
/** Networks that a host may say it knows when it asks for a list. */
export const MAX_KNOWN_NETWORKS = 512;
/** Endpoints that one message takes up again: each is a write. */
export const MAX_ENDPOINTS = 32;
/** Characters of a remark in a heartbeat: a host's item then fits one write unit. */
export const MAX_REMARK = 120;
