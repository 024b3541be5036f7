/** The rules of history. They are loaded a second time from a copy of the code when a guard is taken out. */
export { follow } from '../../../functions/ipam/history/follow.ts';
export { whoHadAddress } from '../../../functions/ipam/history/whois.ts';
