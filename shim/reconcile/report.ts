/** Findings in words, for the log and for `berth doctor`. */
import type { Finding } from './finding.ts';

export function describe(finding: Finding): string {
  switch (finding.kind) {
    case 'leaked-lease': {
      const { network, lease } = finding;
      return `${lease.address} of ${network.pool} is leased to this host, but no endpoint in Docker has it (request ${lease.key})`;
    }
    case 'leaked-network':
      return `this host refers to ${finding.network.pool} (${finding.network.key}), but Docker has no network there`;
    case 'missing-lease': {
      const { network, endpoint } = finding;
      return `${endpoint.name} has ${endpoint.address} of ${network.pool}, which is not leased in the table`;
    }
    case 'forgotten-network': {
      const { network, endpoints } = finding;
      return `the network on ${network.pool} was given up while this host was silent, but Docker still has it, with ${endpoints.length} endpoints`;
    }
    case 'conflict': {
      const { endpoint, holder } = finding;
      return `${endpoint.name} has ${endpoint.address}, which is ${holder}; restart it to get another address (docker restart ${endpoint.name})`;
    }
    case 'unclear-lease': {
      const { network, endpoint } = finding;
      return `${endpoint.name} has ${endpoint.address} of ${network.pool}, which is not leased in the table, and Berth cannot tell which of this host's networks on that subnet it belongs to; restart it (docker restart ${endpoint.name})`;
    }
    case 'unclear-network':
      return `this host refers to ${finding.pool} ${finding.known} times, but Docker has ${finding.present} networks there; Berth cannot tell which was removed, and releases them once Docker has none of them`;
    case 'former-network': {
      const { pool } = finding.network;
      return `the network on ${pool} is dormant and held by the machine that was this host before; if that was this machine, run berth host adopt, and if that machine is gone for good, run berth host former-dead`;
    }
    case 'unknown-network':
      return `Docker's network ${finding.name} on ${finding.pool} is not a network of this host in the table; remove it (docker network rm ${finding.name}) and create it again`;
  }
}
