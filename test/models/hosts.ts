/** Hosts of models: how they register, fall silent and return. */
import type { Call } from '../../functions/ipam/call.ts';
import { LEASE_MS } from '../../functions/ipam/host.ts';
import type { Player } from './player.ts';
import type { Actor, State } from './simulation.ts';
import { own } from './stands.ts';

/** ms by which an actor's clock is ahead when it acts long after a host was forgotten. */
export const LONG_AFTER = 8 * 86_400_000;

export const OPS = 'arn:aws:iam::123456789012:user/ops';

export const registration = (incarnation: string | undefined, proposed: string, principal = OPS) => ({
  principal,
  incarnation,
  proposed,
  shimVersion: '1',
  engineVersion: '',
});

/** Host `a` registers an hour before the actors begin, so that its lease is over by then. */
export async function registers(me: Player): Promise<void> {
  await me.stage.rules.registerHost(me.deps, me.call({ hostId: 'a' }), registration(undefined, 'one'));
}

/** Host `a` is fenced before the actors begin. */
export async function isFenced(me: Player): Promise<void> {
  await me.deps.world.pause(LEASE_MS);
  await me.stage.rules.fenceHost(me.deps, 'a', Infinity);
}

export const fencing = (name: string): Actor => ({
  name,
  play: async (me) => {
    await me.stage.rules.fenceHost(me.deps, 'a', Infinity);
  },
});

/** @returns the epoch that the host is given, once all that it has is awake. */
export async function returnHome(me: Player, of: Pick<Call, 'hostId'> = me): Promise<number> {
  for (let [held, proposed] = ['one', 'two']; ; [held, proposed] = [proposed, `${proposed}.`]) {
    const answer = await me.stage.rules.registerHost(
      me.deps,
      me.call({ hostId: of.hostId }),
      registration(held, proposed),
    );
    if (!answer.isWaking) return answer.epoch;
  }
}

/** Returns, and uses its network again if that is awake. */
export const returning = (name: string): Actor => ({
  name,
  play: async (me) => {
    const epoch = await returnHome(me);
    const [, , , , generation = '', ref = ''] = own(me).split(',');
    const network = await me.deps.store.readRef(generation, ref);
    if (network?.state !== 'live' || network.epoch !== epoch) return;
    await me.hold(own(me));
    await me.hold(own(me), me.recall('leased'));
  },
});

/** A network that belongs to a fenced epoch and is not asleep. */
export function nothingFencedIsAwake({ memory }: State): string | undefined {
  for (const { name, hostId, state, epoch } of memory.refs.values()) {
    if (state === 'live' && epoch < (memory.hosts.get(hostId)?.epoch ?? 1))
      return `network ${name} of a fenced epoch lives`;
  }
  return undefined;
}

/** A host that has returned has all that it had. */
export function allIsAwake({ memory }: State): string | undefined {
  for (const { name, hostId, state } of memory.refs.values()) {
    if (state === 'dormant' && memory.hosts.get(hostId)?.state === 'live') return `network ${name} sleeps on`;
  }
  return undefined;
}
