/** A shim in the emulator's place, asked as dockerd asks. */
import path from 'node:path';
import { type Berth, type PluginAnswer, callPlugin, startBerth } from '../../../support/berth-process.ts';
import type { Emulator, Keys } from './emulator.ts';

export class PlacedShim {
  readonly #berth: Berth;
  readonly #socket: string;

  private constructor(berth: Berth, socket: string) {
    this.#berth = berth;
    this.#socket = socket;
  }

  static async start(
    { place, trust }: Emulator,
    { endpoint, host, keys }: { readonly endpoint: string; readonly host: string; readonly keys: Keys },
  ): Promise<PlacedShim> {
    const folder = path.join(place.folder, host);
    const args = [
      'shim',
      '--endpoint',
      endpoint,
      '--host-id',
      host,
      '--sockets',
      folder,
      '--data',
      path.join(folder, 'd'),
    ];
    const berth = await startBerth(args, (command, given) => place.spawn(command, given, { ...trust, ...keys }));
    return new PlacedShim(berth, path.join(folder, 'berth.sock'));
  }

  call(method: string, body: object): Promise<PluginAnswer> {
    return callPlugin(this.#socket, `IpamDriver.${method}`, body);
  }

  log(): string {
    return this.#berth.log();
  }

  async stop(): Promise<void> {
    await this.#berth.stop('SIGKILL');
  }
}
