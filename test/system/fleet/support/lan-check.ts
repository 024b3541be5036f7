/** Which machines answer for addresses on the LAN itself. */
import assert from 'node:assert/strict';
import { runContainer } from '../../engine/support/berth.ts';
import type { Host } from '../../engine/support/host.ts';
import type { Member } from './engine-fleet.ts';

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
 * Announces on the LAN who has an address. If a full pool gave it to another container before its cool-down was over,
 * other machines use its former MAC until they learn the new one.
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
  // -b: keep asking all machines, not only the one that answered first.
  const probe = ['arping', '-b', '-c', '2', '-w', '4', '-I', 'eth0', ip];
  const { host, container } = from;
  const said = await host.docker('exec', container, ...probe);
  return [...new Set([...said.matchAll(/\[([0-9a-f:]{17})\]/gi)].map(([, mac = '']) => mac.toLowerCase()))];
}

/** Asserts that only the container that has an address answers for it. Each address is asked for from another host. */
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
