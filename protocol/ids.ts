/** How hosts, instances and spaces may be called, and how a network card is. */

export const isHostId = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/.test(text);

/**
 * As EC2 names its instances: `i-` and eight hexadecimal digits, seventeen since 2016 (Amazon EC2 User Guide, "Resource
 * IDs").
 */
export const isInstanceId = (text: string): boolean => /^i-([0-9a-f]{8}|[0-9a-f]{17})$/.test(text);

/** In lower case. The same pattern is in shim/host/machine.ts. */
export const MAC_ADDRESS = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

/** Space names become parts of keys and of PoolIDs. */
export const isSpaceName = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text);

const GLOBAL = '.global';
/** Characters of the name of a host's own space. Docker is given it with `.global` at its end, too: that is a space's name as well. */
export const MAX_DEFAULT_SPACE_NAME = 55;

/**
 * The space beside another in which Swarm's managers plan. Managers ask in the global space and nodes, for the same
 * subnets and addresses, in the local one: two names keep them apart.
 */
export const globalSpaceOf = (space: string): string => space + GLOBAL;

export const isGlobalSpace = (space: string): boolean => space.endsWith(GLOBAL);

/** The name of a space that users may choose: those of the managers come by themselves. */
export const isLocalSpaceName = (text: string): boolean => isSpaceName(text) && !isGlobalSpace(text);
