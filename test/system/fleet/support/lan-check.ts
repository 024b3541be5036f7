/** What the LAN itself says of addresses. */
import assert from 'node:assert/strict';
import { runContainer } from '../../engine/support/berth.ts';
import type { Host } from '../../engine/support/host.ts';
import type { Member } from './fleet.ts';

/** A container that has an address. */
export interface Resident {
  readonly host: Host;
  readonly container: string;
  readonly ip: string;
  readonly mac: string;
}

export async function moveIn({ host }: Member, container: string, network: string): Promise<Resident> {
  const { ip, mac } = await runContainer(host, container, '--network', network);
  return { host, container, ip, mac };
}

/**
 * Tells the LAN who has an address. One that changed hands sooner than its cool-down wants, for the pool had nothing else,
 * is known to others by its former MAC until they hear of the new one.
 */
export async function announce({ host, container, ip }: Resident): Promise<void> {
  await host.docker('exec', container, 'sh', '-c', `arping -U -c 1 -w 2 -I eth0 ${ip} || true`);
}

/** A container gets an answer from every other. */
async function assertPings({ host, container, ip }: Resident, residents: readonly Resident[]): Promise<void> {
  const others = residents.filter((other) => other.ip !== ip).map((other) => other.ip);
  const script = `for a in ${others.join(' ')}; do ping -c 1 -W 5 $a >/dev/null || echo $a; done`;
  assert.equal(await host.docker('exec', container, 'sh', '-c', script), '', `silent when ${ip} asks`);
}

export async function assertAllPing(residents: readonly Resident[]): Promise<void> {
  await Promise.all(residents.map((resident) => assertPings(resident, residents)));
}

/** The MAC of every machine that answers for an address, as a container sees it. */
export async function answersFor(from: Resident, ip: string): Promise<string[]> {
  // -b: to go on asking all, and not only who has answered first.
  const probe = ['arping', '-b', '-c', '2', '-w', '4', '-I', 'eth0', ip];
  const { host, container } = from;
  const said = await host.docker('exec', container, ...probe);
  return [...new Set([...said.matchAll(/\[([0-9a-f:]{17})\]/gi)].map(([, mac = '']) => mac.toLowerCase()))];
}

/** For each address one machine answers: the container that has it. Each is asked for from another host. */
export async function assertOneAnswerEach(residents: readonly Resident[]): Promise<void> {
  const found = await Promise.all(
    residents.map(async ({ host, ip }) => {
      const from = residents.find((other) => other.host !== host);
      return [ip, from === undefined ? [] : await answersFor(from, ip)] as const;
    }),
  );
  assert.deepEqual(
    found,
    residents.map(({ ip, mac }) => [ip, [mac]]),
  );
}
