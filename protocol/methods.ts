/** Docker's methods and drivers, as shim and functions name them. */

/** Docker's methods that change something. */
export const METHODS = ['RequestPool', 'ReleasePool', 'RequestAddress', 'ReleaseAddress'] as const;
export type Method = (typeof METHODS)[number];
export type Request = 'RequestPool' | 'RequestAddress';
export type Release = 'ReleasePool' | 'ReleaseAddress';

export const isRelease = (method: Method): method is Release => method === 'ReleasePool' || method === 'ReleaseAddress';

/** `berth-ipvlan` is for ipvlan networks: it does not require MAC addresses, since their endpoints have none of their own. */
export const DRIVERS = ['berth', 'berth-ipvlan'] as const;
export type Driver = (typeof DRIVERS)[number];
