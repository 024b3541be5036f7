/** A machine with a shim and simulated APIs of Docker engines, which have the contents that a test gives them. */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as v from 'valibot';
import { type Diagnosis, askDoctor } from '../../../../shim/commands/doctor.ts';
import { type Berth, callPlugin, startBerth } from '../../../support/berth-process.ts';
import { UnixListener } from '../../../support/unix-listener.ts';

/** ms: the interval that is five minutes in production. */
const SECOND_LOOK = 1;
const MAC = 'com.docker.network.endpoint.macaddress';

const granted = v.object({ PoolID: v.string(), Pool: v.string() });
const leased = v.object({ Address: v.string() });

export interface SimulatedNetwork {
  readonly poolId: string;
  readonly subnet: string;
  readonly addresses: string[];
}

/** One dockerd: it calls the plugin that it finds, and lists its networks and containers. */
export class SimulatedDocker {
  readonly id: string;
  networks: SimulatedNetwork[] = [];
  #listener: UnixListener | undefined;

  constructor(id: string) {
    this.id = id;
  }

  async listen(socket: string): Promise<void> {
    this.#listener = await UnixListener.open(socket, ({ url = '' }, response) => {
      if (url.startsWith('/events')) response.writeHead(200).flushHeaders();
      else response.end(JSON.stringify(this.#answer(url)));
    });
  }

  async close(): Promise<void> {
    await this.#listener?.close();
  }

  #answer(url: string): unknown {
    if (url === '/info') return { ID: this.id };
    const all = this.networks.map(({ subnet, addresses, poolId }) => ({
      Id: poolId,
      Name: subnet,
      Scope: 'local',
      IPAM: { Driver: 'berth', Config: [{ Subnet: subnet }] },
      Containers: Object.fromEntries(
        addresses.map((address) => [
          address,
          { Name: address, EndpointID: address, MacAddress: '', IPv4Address: `${address}/24`, IPv6Address: '' },
        ]),
      ),
    }));
    return url === '/networks' ? all : all.find(({ Id }) => url === `/networks/${Id}`);
  }
}

export class Machine {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), 'berth-m-'));
  readonly docker: SimulatedDocker;
  readonly #hostId: string;
  readonly #name: string;
  #shim: Berth | undefined;
  #calls = 0;

  /** @param name what distinguishes the machine from others; '' where nothing does. */
  constructor(hostId: string, name: string, docker = new SimulatedDocker(`engine of ${name}`)) {
    this.#hostId = hostId;
    this.#name = name;
    this.docker = docker;
  }

  get data(): string {
    return path.join(this.folder, 'data');
  }

  get log(): string {
    return this.#shim?.log() ?? '';
  }

  get #socket(): string {
    return path.join(this.folder, 'berth.sock');
  }

  async start(endpoint: string): Promise<void> {
    const docker = path.join(this.folder, 'docker.sock');
    mkdirSync(this.data, { recursive: true, mode: 0o700 });
    await this.docker.listen(docker);
    // In the environment: an older program, which does not know it, still starts.
    process.env['BERTH_MACHINE'] = this.#name;
    const args = ['shim', '--endpoint', endpoint, '--sockets', this.folder, '--data', this.data, '--drivers', 'berth'];
    const more = ['--host-id', this.#hostId, '--docker', `unix://${docker}`, '--second-look', String(SECOND_LOOK)];
    this.#shim = await startBerth([...args, ...more, '--reconcile', 'report', '--deadline', '5']);
  }

  async stop(): Promise<void> {
    await this.#shim?.stop();
    this.#shim = undefined;
    await this.docker.close();
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Like `cp -a` of the data folder. */
  takeDataOf(other: Machine): void {
    cpSync(other.data, this.data, { recursive: true });
  }

  call(method: string, message: object): Promise<Readonly<Record<string, unknown>>> {
    return callPlugin(this.#socket, `IpamDriver.${method}`, message).then(({ json }) => json);
  }

  /** @param docker of this machine. */
  async createNetwork(subnet: string, docker = this.docker): Promise<SimulatedNetwork> {
    const wish = { AddressSpace: 'default', Pool: subnet, SubPool: '', Options: {}, V6: false };
    const { PoolID: poolId } = v.parse(granted, await this.call('RequestPool', wish));
    const network = { poolId, subnet, addresses: [] };
    docker.networks.push(network);
    return network;
  }

  /** @returns the address of a new container. */
  async run({ poolId, addresses }: SimulatedNetwork, wanted = ''): Promise<string> {
    const mac = `02:00:00:00:00:${(++this.#calls).toString(16).padStart(2, '0')}`;
    const wish = { PoolID: poolId, Address: wanted, Options: { [MAC]: mac } };
    const { Address } = v.parse(leased, await this.call('RequestAddress', wish));
    const address = Address.replace(/\/.*/, '');
    addresses.push(address);
    return address;
  }

  /** Compares as often as it takes for a difference to be acted on. */
  async compare(free: readonly string[] = []): Promise<Diagnosis['findings']> {
    await askDoctor(this.#socket, true);
    await askDoctor(this.#socket, true);
    return (await askDoctor(this.#socket, true, free)).findings;
  }
}
