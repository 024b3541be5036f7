/** The handlers of the functions on this machine: their source, loaded into this process. */
import type { FleetHandler } from '../../functions/lambda/fleet-handler.ts';
import type { Handler } from '../../functions/lambda/handler.ts';

/** The functions that have a URL. */
export const REACHABLE = ['capabilities', 'pools', 'addresses', 'hosts', 'console', 'viewer', 'check'] as const;

export interface Handlers {
  readonly reachable: Readonly<Record<(typeof REACHABLE)[number], Handler>>;
  /** As on AWS, it has no URL: a schedule calls it. */
  readonly sweep: FleetHandler;
  /** The same. */
  readonly history: FleetHandler;
}

/** Functions read their environment when they are loaded, so it must be set before. */
export async function loadHandlers(): Promise<Handlers> {
  const [capabilities, pools, addresses, hosts, console, viewer, check, sweep, history] = await Promise.all([
    import('../../functions/capabilities.ts'),
    import('../../functions/pools.ts'),
    import('../../functions/addresses.ts'),
    import('../../functions/hosts.ts'),
    import('../../functions/console.ts'),
    import('../../functions/viewer.ts'),
    import('../../functions/check.ts'),
    import('../../functions/sweep.ts'),
    import('../../functions/history.ts'),
  ]);
  const reachable = {
    capabilities: capabilities.handler,
    pools: pools.handler,
    addresses: addresses.handler,
    hosts: hosts.handler,
    console: console.handler,
    viewer: viewer.handler,
    check: check.handler,
  };
  return { reachable, sweep: sweep.handler, history: history.handler };
}
