/** Looks after the fleet: at each tick of a schedule, and when EC2 reports a change of an instance. */
import { openWithNotes } from './dynamo/open-notes.ts';
import { homeRegionCheck } from './ipam/hosts/home-region.ts';
import { reportDeath, reportDrain, reportInstance } from './ipam/hosts/host-events.ts';
import { noteSpaces } from './ipam/notes.ts';
import { leavingOut } from './ipam/sweep/report.ts';
import { sweep } from './ipam/sweep/sweep.ts';
import type { SweepCursor } from './ipam/sweep-cursor.ts';
import { lambdaRegion, parseEnv, tableEnv } from './lambda/env.ts';
import { handleFleetEvents } from './lambda/fleet-handler.ts';
import { gaugesOf } from './lambda/gauges.ts';
import { realWorld as world } from './lambda/world.ts';

const { BERTH_TABLE: table } = parseEnv(tableEnv);
const { store, notes } = openWithNotes(table, world);
const deps = { world, store };
const checkHome = homeRegionCheck(deps, lambdaRegion());

/** The most hosts, and the most items, that one run looks at, far more than its time allows. The next run continues. */
const MAX_VISITS = 1_000_000;

export const handler = handleFleetEvents(
  {
    sweep: async (deadline) => {
      await checkHome();
      const cursor = await deps.store.readSweep();
      const bounds = { deadline, limit: MAX_VISITS, cursor, save: (at: SweepCursor) => deps.store.writeSweep(at) };
      const report = await sweep(deps, bounds);
      const { usage } = report.standing;
      await leavingOut(report, 'noting the spaces', async () => {
        if (usage !== undefined) await noteSpaces(notes, store, usage.spaces, world.now());
      });
      const { cursor: _, standing, hosts, items, reasons, failures, ...did } = report;
      return { saw: { hosts, items }, did, reasons, failures, ...gaugesOf(standing) };
    },
    death: (instance, why, deadline) => reportInstance(deps, instance, { why, deadline, says: reportDeath }),
    drain: (instance, why, deadline) => reportInstance(deps, instance, { why, deadline, says: reportDrain }),
  },
  table,
);
