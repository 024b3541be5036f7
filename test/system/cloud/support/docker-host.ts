/** A Docker host on the emulator's LAN, which cannot reach anything else. */
import path from 'node:path';
import { type Berth, startBerth, PROGRAM } from '../../../support/berth-process.ts';
import { type Outcome, run } from '../../engine/support/command.ts';
import type { Engine } from '../../engine/support/engines.ts';
import { type Host, type Lan, startHost, startLan } from '../../engine/support/host.ts';
import { type Emulator, type Keys, LAN_ADDRESS } from './emulator.ts';

const HOST_ADDRESS = '10.99.0.2';

export class DockerHost {
  readonly host: Host;
  readonly #lan: Lan;
  readonly #emulator: Emulator;
  #shim: Berth | undefined;

  private constructor(emulator: Emulator, lan: Lan, host: Host) {
    this.#emulator = emulator;
    this.#lan = lan;
    this.host = host;
  }

  static async start(emulator: Emulator, engine: Engine, name: string): Promise<DockerHost> {
    const lan = await startLan('cloud');
    try {
      await lan.plugIn(emulator.place.pid);
      const addressed = await emulator.place.run('ip', ['address', 'add', `${LAN_ADDRESS}/24`, 'dev', 'up0']);
      if (addressed.code !== 0) throw new Error(addressed.stderr);
      const host = await startHost({ engine, name, lan });
      await host.exec('ip', 'address', 'add', `${HOST_ADDRESS}/24`, 'dev', 'up0');
      await host.exec('sh', '-c', `rm -f /etc/resolv.conf && echo 'nameserver ${LAN_ADDRESS}' >/etc/resolv.conf`);
      return new DockerHost(emulator, lan, host);
    } catch (error) {
      await lan.stop();
      throw error;
    }
  }

  /** Starts `berth shim` with these credentials, without the machine's. */
  async startShim(endpoint: string, keys: Keys): Promise<Berth> {
    const { host } = this;
    const data = path.join(host.folder, 'b');
    const args = ['--host-id', host.name, '--sockets', '/run/docker/plugins', '--data', data];
    const env = { ...this.#emulator.place.env, ...this.#emulator.trust, ...keys, HOME: host.folder };
    this.#shim = await startBerth(['shim', '--endpoint', endpoint, ...args], (command, given) =>
      host.spawn(command, given, { env }),
    );
    return this.#shim;
  }

  /** Runs a command `berth …` that asks the shim of this host. */
  berth(command: string): Promise<Outcome> {
    const args = command.split(' ').slice(1);
    return run(process.execPath, [PROGRAM, ...args, '--sockets', this.host.pluginsDir]);
  }

  async stop(): Promise<void> {
    await this.#shim?.stop('SIGKILL');
    await this.host.stop();
    await this.#lan.stop();
  }
}
