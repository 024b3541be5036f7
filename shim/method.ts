/** Docker's methods that change something, divided into requests and releases. */
export const METHODS = ['RequestPool', 'ReleasePool', 'RequestAddress', 'ReleaseAddress'] as const;
export type Method = (typeof METHODS)[number];
export type Request = 'RequestPool' | 'RequestAddress';
export type Release = 'ReleasePool' | 'ReleaseAddress';

export const isRelease = (method: Method): method is Release => method === 'ReleasePool' || method === 'ReleaseAddress';
