/** The answer to operators about a host, on the wire. */
import { formatCidr } from '../../protocol/address.ts';
import type { HostHealth } from '../../protocol/host-messages.ts';
import type { HostView } from '../../protocol/operator-messages.ts';
import type { HostView as View } from '../ipam/hosts/host-view.ts';
import type { Host } from '../ipam/host.ts';
import { isoTime } from '../ipam/world.ts';

export const healthView = (health: Host['health']): HostHealth | null =>
  health === undefined
    ? null
    : {
        Status: health.status,
        Reason: health.reason,
        Waiting: health.waiting,
        DeadLetters: health.deadLetters,
        Findings: health.findings,
        ComparedAt: health.comparedAt === undefined ? null : isoTime(health.comparedAt),
        Refused: health.refused,
        LastRefusal: health.lastRefusal,
      };

export const hostView = ({ host, isInLease, silence, networks, isAll }: View): HostView => ({
  Host: host.id,
  State: host.state,
  Why: host.why,
  Principal: host.principal,
  LastSeen: isoTime(host.lastSeen),
  SilentSeconds: Math.round(silence / 1_000),
  LeaseUntil: isoTime(host.leaseUntil),
  InLease: isInLease,
  ShimVersion: host.shimVersion,
  EngineVersion: host.engineVersion,
  Health: healthView(host.health),
  Networks: networks.map(({ space, cidr, addresses }) => ({
    Space: space,
    Pool: formatCidr(cidr),
    Addresses: addresses.count,
    IsAll: addresses.isAll,
  })),
  IsAll: isAll,
});
