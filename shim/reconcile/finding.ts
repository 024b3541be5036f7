/** What differs between a host's Docker and the table. */
import type { DockerNetwork } from './docker-api.ts';
import type { FleetNetwork, Lease, Endpoint } from './fleet-records.ts';

export type Finding =
  /** A lease of an address that nothing in Docker has. */
  | { readonly kind: 'leaked-lease'; readonly network: FleetNetwork; readonly lease: Lease }
  /** A network that Docker does not have. */
  | { readonly kind: 'leaked-network'; readonly network: FleetNetwork }
  /** An endpoint in Docker whose address is not leased in the table. */
  | { readonly kind: 'missing-lease'; readonly network: FleetNetwork; readonly endpoint: Endpoint }
  /** A network in Docker that the fleet has given up while this host was silent. */
  | {
      readonly kind: 'forgotten-network';
      readonly network: FleetNetwork;
      readonly gateway: string;
      readonly reserved: readonly string[];
      readonly endpoints: readonly Endpoint[];
    }
  /** An endpoint in Docker whose address another host or endpoint holds. */
  | { readonly kind: 'conflict'; readonly network: FleetNetwork; readonly endpoint: Endpoint; readonly holder: string }
  /** An endpoint in Docker whose address is not leased, on a subnet on which this host has several networks. */
  | { readonly kind: 'unclear-lease'; readonly network: FleetNetwork; readonly endpoint: Endpoint }
  /** A subnet on which this host has more networks in the table than in Docker. */
  | { readonly kind: 'unclear-network'; readonly pool: string; readonly known: number; readonly present: number }
  /** A network that, according to the fleet, is held by the machine that was this host before. */
  | { readonly kind: 'former-network'; readonly network: FleetNetwork }
  /** A network in Docker without a known PoolID. */
  | { readonly kind: 'unknown-network'; readonly name: string; readonly pool: string };

export interface Views {
  readonly before: readonly DockerNetwork[];
  readonly table: readonly FleetNetwork[];
  readonly after: readonly DockerNetwork[];
}
