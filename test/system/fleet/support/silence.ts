/** Skips times that no test can wait for: a lease of half an hour, and the time for which a space remembers a host. */
import { eachRef } from '../../../../functions/ipam/host-refs.ts';
import type { Store } from '../../../../functions/ipam/store.ts';
import { realWorld } from '../../../../functions/lambda/world.ts';
import { eventually } from '../../../support/stage.ts';

const LONG_AGO = 1;

/** As if the lease of a host ended now. */
export async function endLease(store: Store, hostId: string): Promise<void> {
  await eventually(async () => {
    const seen = await store.readHost(hostId);
    return seen !== undefined && (await store.writeHost({ ...seen, leaseUntil: LONG_AGO }, seen)) !== undefined;
  });
}

/** Resolves when the sweep has found a host silent. */
export async function untilFenced(store: Store, hostId: string): Promise<void> {
  await eventually(async () => {
    const host = await store.readHost(hostId);
    return host?.state === 'fenced' && (await areAll(store, hostId, 'dormant'));
  });
}

/** As if a fenced host had been silent for as long as its networks' space remembers; until the sweep has seen it. */
export async function outlastMemory(store: Store, hostId: string): Promise<void> {
  await eachRef({ store, world: realWorld }, hostId, Infinity, async (ref) => {
    const { state, epoch, endedAt } = ref;
    return store.changeRefState(ref, { state, epoch, endedAt, fencedAt: LONG_AGO });
  });
  await eventually(() => areAll(store, hostId, 'gone'));
}

/** Whether all networks of a host are in a state, except for those that are gone. */
const areAll = (store: Store, hostId: string, state: string): Promise<boolean> =>
  eachRef({ store, world: realWorld }, hostId, Infinity, (ref) => Promise.resolve(ref.state === state));
