/** Findings in words, for the log and for `berth doctor`. */
import type { Finding } from './finding.ts';

export function describe(finding: Finding): string {
  switch (finding.kind) {
    case 'leaked-lease': {
      const { network, lease } = finding;
      return `${lease.address} of ${network.pool} is leased to this host, and no endpoint in Docker has it (request ${lease.key})`;
    }
    case 'leaked-network':
      return `this host refers to ${finding.network.pool} (${finding.network.key}), and Docker has no network there`;
    case 'missing-lease': {
      const { network, endpoint } = finding;
      return `${endpoint.name} has ${endpoint.address} of ${network.pool}, and nobody holds that in the table`;
    }
    case 'forgotten-network': {
      const { network, endpoints } = finding;
      return `the network on ${network.pool} was given up while this host was silent, and Docker still has it, with ${endpoints.length} endpoints`;
    }
    case 'conflict': {
      const { endpoint, holder } = finding;
      return `${endpoint.name} has ${endpoint.address}, which is ${holder}: start it anew (docker restart ${endpoint.name}), so that it gets another address`;
    }
    case 'unclear-lease': {
      const { network, endpoint } = finding;
      return `${endpoint.name} has ${endpoint.address} of ${network.pool}, and nobody holds that in the table; this host has several networks there, so that Berth cannot tell which is to hold it: start it anew (docker restart ${endpoint.name})`;
    }
    case 'unclear-network':
      return `this host refers to ${finding.pool} ${finding.known} times, and Docker has ${finding.present} there: Berth cannot tell which was removed, and gives them back when Docker has none of them any more`;
    case 'former-network': {
      const { pool } = finding.network;
      return `the network on ${pool} is held by a machine that was this host before, and sleeps: if that was this machine, say so with berth host adopt, if it is gone for good, with berth host former-dead`;
    }
    case 'unknown-network':
      return `Docker's network ${finding.name} on ${finding.pool} is none that the table knows of this host: remove it (docker network rm ${finding.name}) and create it again`;
  }
}
