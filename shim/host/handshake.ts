/**
 * The answer of the capabilities function: a driver's capabilities, its address spaces, and where the other functions are.
 * It is kept on disk and refreshed in the background, because dockerd's call for them must never wait for a network: if
 * that call fails, dockerd silently disables the driver's capabilities until it restarts.
 */
import path from 'node:path';
import * as v from 'valibot';
import type { HandshakeHeaders } from '../../protocol/headers.ts';
import { type HandshakeAnswer, handshakeAnswer } from '../../protocol/host-messages.ts';
import { globalSpaceOf } from '../../protocol/ids.ts';
import type { Driver } from '../../protocol/methods.ts';
import type { FunctionUrlClient } from '../cloud/client.ts';
import { type Endpoint, endpointNamedBy } from '../endpoint.ts';
import { readIfThere, writeDurably } from '../files.ts';
import { UserError } from '../user-error.ts';

export interface Functions {
  readonly pools: Endpoint;
  readonly addresses: Endpoint;
  readonly hosts: Endpoint;
}

interface Handshake {
  readonly capabilities: HandshakeAnswer['Capabilities'];
  readonly addressSpaces: HandshakeAnswer['AddressSpaces'];
  /** `undefined`: not known yet. */
  readonly functions: Functions | undefined;
}

const ANSWER_TIMEOUT_MS = 5_000;
/** The answer changes only with a deployment, and a call that finds a function gone asks again at once. */
const REFRESH_PAUSE_MS = 3_600_000;
const RETRY_PAUSE_MS = 5_000;
/** ms between two handshakes, however many calls find their function gone. */
const MIN_PAUSE_MS = 2_000;

export interface HandshakeSettings {
  readonly endpoint: Endpoint;
  readonly driver: Driver;
  readonly space: string;
  readonly folder: string;
  readonly warn: (message: string) => void;
  /** ms, of a clock that only goes forward. */
  readonly now?: () => number;
}

/** The handshake of one driver: always available, and as recent as the network allows. */
export class Handshakes {
  readonly #cloud: Pick<FunctionUrlClient, 'ask'>;
  readonly #settings: HandshakeSettings;
  readonly #file: string;
  readonly #key: string;
  #current: Handshake;
  #answer = '';
  #isKept = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;
  #asking: Promise<void> | undefined;
  #asked = -Infinity;

  private constructor(cloud: Pick<FunctionUrlClient, 'ask'>, settings: HandshakeSettings) {
    this.#cloud = cloud;
    this.#settings = settings;
    this.#file = path.join(settings.folder, `handshake-${settings.driver}.json`);
    this.#key = `${settings.endpoint.text} ${settings.space}`;
    this.#current = assumed(settings);
  }

  /**
   * Uses the answer that an earlier start kept; otherwise asks. Without an answer, the default of Berth's functions
   * serves until they answer.
   *
   * @throws UserError when the answer is not from Berth.
   */
  static async open(cloud: Pick<FunctionUrlClient, 'ask'>, settings: HandshakeSettings): Promise<Handshakes> {
    const handshakes = new Handshakes(cloud, settings);
    const kept = readKept(handshakes.#file, handshakes.#key, settings.endpoint);
    if (kept !== undefined) {
      handshakes.#current = kept.handshake;
      handshakes.#answer = kept.answer;
      handshakes.#isKept = true;
    } else await handshakes.#ask(true);
    handshakes.#schedule(kept === undefined ? undefined : 0);
    return handshakes;
  }

  get current(): Handshake {
    return this.#current;
  }

  /** Asks again, at most every two seconds. */
  async renew(): Promise<void> {
    if (this.#now() - this.#asked < MIN_PAUSE_MS) return this.#asking;
    await (this.#asking ??= this.#ask(false).finally(() => {
      this.#asking = undefined;
    }));
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #schedule(pause = this.#current.functions === undefined ? RETRY_PAUSE_MS : REFRESH_PAUSE_MS): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      void this.renew().finally(() => {
        this.#schedule();
      });
    }, pause).unref();
  }

  async #ask(isFirst: boolean): Promise<void> {
    this.#asked = this.#now();
    const { endpoint, driver, space, warn } = this.#settings;
    const verdict = await this.#cloud.ask(endpoint, {
      question: 'own',
      path: '/Berth.Handshake',
      headers: { 'berth-driver': driver, 'berth-space': space } satisfies HandshakeHeaders,
      body: Buffer.alloc(0),
      timeout: ANSWER_TIMEOUT_MS,
    });
    if (verdict.kind === 'failed') {
      warn(`the capabilities function does not answer: ${verdict.reason}; ${this.#whatServes()}`);
      return;
    }
    try {
      this.#keep(parse(endpoint, verdict.text), verdict.text);
    } catch (error) {
      if (isFirst || !(error instanceof UserError)) throw error;
      warn(`${error.message}; ${this.#whatServes()}`);
    }
  }

  #now(): number {
    return this.#settings.now?.() ?? performance.now();
  }

  #whatServes(): string {
    return this.#current.functions === undefined
      ? 'no network or container can be served until it answers, and dockerd gets the default capabilities'
      : 'the last known answer is used';
  }

  /** The same answer again changes nothing, so that open connections are reused. */
  #keep(handshake: Handshake, text: string): void {
    if (text !== this.#answer) {
      this.#current = handshake;
      this.#answer = text;
      this.#isKept = false;
    }
    if (this.#isKept) return;
    try {
      writeDurably(this.#file, JSON.stringify({ key: this.#key, answer: text }));
      this.#isKept = true;
    } catch (error) {
      this.#settings.warn(`cannot keep the handshake in ${this.#file}: ${String(error)}`);
    }
  }
}

/** The default until a function answers, so that dockerd's first call is answered without a network. */
const assumed = ({ driver, space }: HandshakeSettings): Handshake => ({
  capabilities: { RequiresMACAddress: driver === 'berth', RequiresRequestReplay: false },
  addressSpaces: { LocalDefaultAddressSpace: space, GlobalDefaultAddressSpace: globalSpaceOf(space) },
  functions: undefined,
});

const keptFile = v.object({ key: v.string(), answer: v.string() });

function readKept(
  file: string,
  key: string,
  asked: Endpoint,
): { readonly handshake: Handshake; readonly answer: string } | undefined {
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  const kept = v.safeParse(v.pipe(v.string(), v.parseJson(), keptFile), text);
  if (!kept.success || kept.output.key !== key) return undefined;
  const { answer } = kept.output;
  try {
    return { handshake: parse(asked, answer), answer };
  } catch (error) {
    // A damaged file counts as missing: the function is asked again.
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** @throws UserError when the answer is not from Berth, or names endpoints of another kind (see `endpointNamedBy`). */
function parse(asked: Endpoint, answer: string): Handshake {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), handshakeAnswer), answer);
  if (!parsed.success)
    throw new UserError(`unexpected response from ${asked.text}, not from Berth: ${answer.slice(0, 200)}`);
  const { Capabilities, AddressSpaces, Functions: functions } = parsed.output;
  return {
    capabilities: Capabilities,
    addressSpaces: AddressSpaces,
    functions: {
      pools: endpointNamedBy(asked, functions.Pools),
      addresses: endpointNamedBy(asked, functions.Addresses),
      hosts: endpointNamedBy(asked, functions.Hosts),
    },
  };
}
