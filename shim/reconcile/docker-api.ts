/**
 * Reads from Docker's API what Docker on this host has. Never inside a call of dockerd, which then holds locks that the
 * answer needs. A few GETs do not need a client library of 66 packages.
 */
import { type ClientRequest, request } from 'node:http';
import * as v from 'valibot';
import { readBody } from '../read-body.ts';

export interface DockerEngine {
  readonly id: string;
  /** Such as `28.5.2`; '' where it does not say. */
  readonly version: string;
}

export interface DockerEndpoint {
  readonly id: string;
  /** Of the container, or of whatever else has an address there. */
  readonly name: string;
  /** '' if it has no MAC address. */
  readonly mac: string;
  /** Without prefix length. */
  readonly addresses: readonly string[];
}

export interface DockerNetwork {
  readonly id: string;
  readonly name: string;
  /** Docker's name of the IPAM driver that allocates its addresses. */
  readonly ipam: string;
  /** Whether that driver is a plugin: presumably ours. */
  readonly isRemote: boolean;
  /** It belongs to the swarm: a manager lists it whether or not this host takes part in it. */
  readonly isOfSwarm: boolean;
  readonly subnets: readonly DockerSubnet[];
  readonly endpoints: readonly DockerEndpoint[];
}

export interface DockerSubnet {
  readonly subnet: string;
  /** '' if it has no gateway. */
  readonly gateway: string;
  readonly auxiliary: readonly string[];
}

/** Docker did not answer as expected, so nothing may be concluded. */
export class DockerError extends Error {}

/** Docker's own allocators. */
const BUILT_IN = ['default', 'null', 'windows', 'host-local', ''];
const ANSWER_TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 16_777_216;

const text = v.nullish(v.string(), '');
const config = v.object({
  Subnet: text,
  Gateway: text,
  AuxiliaryAddresses: v.nullish(v.record(v.string(), v.string()), {}),
});
const listed = v.object({
  Id: v.string(),
  Name: v.string(),
  Scope: text,
  IPAM: v.nullish(v.object({ Driver: text, Config: v.nullish(v.array(config), []) }), { Driver: '', Config: [] }),
});
const attached = v.object({ Name: text, EndpointID: text, MacAddress: text, IPv4Address: text, IPv6Address: text });
const inspected = v.object({ ...listed.entries, Containers: v.nullish(v.record(v.string(), attached), {}) });

export class Docker {
  readonly #socket: string;
  readonly #timeout: number;

  /** @param timeout ms within which each question is answered. */
  constructor(socket: string, timeout = ANSWER_TIMEOUT_MS) {
    this.#socket = socket;
    this.#timeout = timeout;
  }

  /** The id of this engine, which stays the same across restarts, and its version. @throws DockerError */
  async engine(): Promise<DockerEngine> {
    const { ID: id, ServerVersion: version } = await this.#get(
      '/info',
      v.object({ ID: v.string(), ServerVersion: text }),
    );
    return { id, version };
  }

  /** Every network with a subnet. @throws DockerError */
  async networks(): Promise<DockerNetwork[]> {
    const all = await this.#get('/networks', v.array(listed));
    const found: DockerNetwork[] = [];
    for (const { Id: id, IPAM: ipam } of all) {
      if (ipam.Config.length === 0) continue;
      const network = await this.#get(`/networks/${id}`, inspected).catch((error: unknown) => {
        // Removed since it was listed.
        if (error instanceof NotFound) return undefined;
        throw error;
      });
      if (network !== undefined) found.push(networkOf(network));
    }
    return found;
  }

  /**
   * Listens to dockerd's events. As long as the stream lasts, it is the same dockerd.
   *
   * @throws DockerError
   */
  watch(): Promise<Watch> {
    const filters = encodeURIComponent(JSON.stringify({ type: ['daemon'] }));
    return new Promise((resolve, reject) => {
      const asking = this.#ask(`/events?filters=${filters}`);
      const watch = new EventStream(asking);
      const late = setTimeout(() => asking.destroy(new Error(this.#tooLate())), this.#timeout);
      asking.once('response', (response) => {
        clearTimeout(late);
        response.resume();
        response.once('close', () => {
          watch.close();
        });
        if (response.statusCode === 200) resolve(watch);
        else reject(new DockerError(`Docker answered HTTP ${response.statusCode ?? 0}`));
      });
      asking.once('error', (error) => {
        clearTimeout(late);
        watch.close();
        reject(new DockerError(`Docker cannot be queried at ${this.#socket}: ${error.message}`));
      });
      asking.end();
    });
  }

  async #get<Schema extends v.GenericSchema>(path: string, schema: Schema): Promise<v.InferOutput<Schema>> {
    const { status, body } = await this.#read(path);
    if (status === 404) throw new NotFound(`Docker does not know ${path}`);
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), body);
    if (status === 200 && parsed.success) return parsed.output;
    throw new DockerError(`Docker answered HTTP ${status} to ${path}: ${body.slice(0, 200)}`);
  }

  #read(path: string): Promise<{ readonly status: number; readonly body: string }> {
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(this.#timeout);
      const failed = (error: Error): void => {
        const why = signal.aborted ? this.#tooLate() : error.message;
        reject(new DockerError(`Docker cannot be queried at ${this.#socket}: ${why}`, { cause: error }));
      };
      const asking = this.#ask(path, signal);
      asking.once('error', failed);
      asking.once('response', (response) => {
        readBody(response, MAX_ANSWER_BYTES).then((bytes) => {
          if (bytes === undefined) failed(new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`));
          else resolve({ status: response.statusCode ?? 0, body: bytes.toString('utf8') });
        }, failed);
      });
      asking.end();
    });
  }

  #tooLate = (): string => `no complete answer within ${this.#timeout / 1_000} s`;

  /** Without a version in the path, the engine uses its newest API version. */
  #ask(path: string, signal?: AbortSignal): ClientRequest {
    return request({ socketPath: this.#socket, path, headers: { host: 'docker' }, ...(signal && { signal }) });
  }
}

class NotFound extends DockerError {}

/** One run of dockerd. */
export interface Watch {
  /** dockerd has ended, or the stream was closed. */
  readonly isOver: boolean;
  close(): void;
}

class EventStream implements Watch {
  readonly #asking: ClientRequest;
  #isOver = false;

  constructor(asking: ClientRequest) {
    this.#asking = asking;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  close(): void {
    this.#isOver = true;
    this.#asking.destroy();
  }
}

function networkOf({ Id, Name, Scope, IPAM, Containers }: v.InferOutput<typeof inspected>): DockerNetwork {
  return {
    id: Id,
    name: Name,
    ipam: IPAM.Driver,
    isOfSwarm: Scope === 'swarm',
    isRemote: !BUILT_IN.includes(IPAM.Driver),
    subnets: IPAM.Config.filter(({ Subnet }) => Subnet !== '').map(({ Subnet, Gateway, AuxiliaryAddresses }) => ({
      subnet: Subnet,
      gateway: bare(Gateway),
      auxiliary: Object.values(AuxiliaryAddresses),
    })),
    endpoints: Object.values(Containers).map((endpoint) => ({
      id: endpoint.EndpointID,
      name: endpoint.Name,
      mac: endpoint.MacAddress.toLowerCase(),
      addresses: [endpoint.IPv4Address, endpoint.IPv6Address].filter((address) => address !== '').map(bare),
    })),
  };
}

const bare = (address: string): string => address.replace(/\/.*/, '');
