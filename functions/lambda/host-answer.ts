/** The answer to operators about a host, on the wire. */
import { formatCidr } from '../ipam/address.ts';
import type { HostView } from '../ipam/hosts/host-view.ts';
import { isoTime } from '../ipam/world.ts';

/** `SilentSeconds` is since `LastSeen`. `IsAll`: all networks, or all addresses of a network, were counted. */
export const hostAnswer = ({ host, isInLease, silence, networks, isAll }: HostView) => ({
  Host: host.id,
  State: host.state,
  Why: host.why,
  Principal: host.principal,
  LastSeen: isoTime(host.lastSeen),
  SilentSeconds: Math.round(silence / 1_000),
  LeaseUntil: isoTime(host.leaseUntil),
  InLease: isInLease,
  Networks: networks.map(({ space, cidr, addresses }) => ({
    Space: space,
    Pool: formatCidr(cidr),
    Addresses: addresses.count,
    IsAll: addresses.isAll,
  })),
  IsAll: isAll,
});
