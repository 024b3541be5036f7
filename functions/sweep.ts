/** Looks after the fleet: at each tick of a schedule, and when EC2 reports a change of an instance. */
import { openStore } from './dynamo/open.ts';
import { homeRegionCheck } from './ipam/hosts/home-region.ts';
import { reportDeath, reportDrain, reportInstance } from './ipam/hosts/host-events.ts';
import { sweep } from './ipam/sweep/sweep.ts';
import type { SweepCursor } from './ipam/sweep-cursor.ts';
import { lambdaRegion, parseEnv, tableEnv } from './lambda/env.ts';
import { handleFleetEvents } from './lambda/fleet-handler.ts';
import { gaugesOf } from './lambda/gauges.ts';
import { realWorld as world } from './lambda/world.ts';

const { BERTH_TABLE: table } = parseEnv(tableEnv);
const deps = { world, store: openStore(table, world) };
const checkHome = homeRegionCheck(deps, lambdaRegion());

/** The most hosts, and the most items, that one run looks at, far more than its time allows. The next run continues. */
const MAX_VISITS = 1_000_000;

export const handler = handleFleetEvents(
  {
    sweep: async (deadline) => {
      await checkHome();
      const cursor = await deps.store.readSweep();
      const bounds = { deadline, limit: MAX_VISITS, cursor, save: (at: SweepCursor) => deps.store.writeSweep(at) };
      const { cursor: _, standing, hosts, items, reasons, failures, ...did } = await sweep(deps, bounds);
      return { saw: { hosts, items }, did, reasons, failures, ...gaugesOf(standing) };
    },
    death: (instance, why, deadline) => reportInstance(deps, instance, { why, deadline, says: reportDeath }),
    drain: (instance, why, deadline) => reportInstance(deps, instance, { why, deadline, says: reportDrain }),
  },
  table,
);
