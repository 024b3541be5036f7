/** A simulated LAN: an Ethernet bridge in a network namespace of its own, so that no packet can leave the machine. */
import { output } from './command.ts';
import { startHolder } from './holder.ts';

/** The connection of one host to the LAN. */
export interface Cable {
  /** No packet passes any more; the host sees that its link is down. */
  cut(): Promise<void>;
  heal(): Promise<void>;
}

export interface Lan {
  readonly name: string;
  /** Runs a command on the LAN itself (the bridge is `br0`, without an address) and gives its stdout. */
  exec(command: string, ...args: string[]): Promise<string>;
  /** Gives the network namespace of a process a cable to this LAN, as its interface `up0`. */
  plugIn(pid: number): Promise<Cable>;
  stop(): Promise<void>;
}

const SETUP =
  'ip link set lo up && ip link add br0 type bridge && ip link set br0 up && echo ready && exec cat >/dev/null';

export async function startLan(name: string): Promise<Lan> {
  const holder = await startHolder('unshare', ['--net', 'sh', '-c', SETUP]);
  let ports = 0;
  let stopping: Promise<void> | undefined;
  const lan: Lan = {
    name,
    exec: (command, ...args) => output('nsenter', [`--net=/proc/${holder.pid}/ns/net`, '--', command, ...args]),
    async plugIn(pid) {
      ports += 1;
      const port = `p${ports}`;
      const socket = ['type', 'veth', 'peer', 'name', 'up0', 'netns', String(pid)];
      // Both ends are created in their final namespaces: neither ever appears in the machine's own namespace.
      await output('ip', ['link', 'add', port, 'netns', String(holder.pid), ...socket]);
      await lan.exec('ip', 'link', 'set', port, 'master', 'br0', 'up');
      await output('nsenter', [`--net=/proc/${pid}/ns/net`, '--', 'ip', 'link', 'set', 'up0', 'up']);
      const turn = async (state: 'up' | 'down'): Promise<void> => {
        await lan.exec('ip', 'link', 'set', port, state);
      };
      return { cut: () => turn('down'), heal: () => turn('up') };
    },
    stop: () => (stopping ??= holder.end()),
  };
  return lan;
}
