/** A host on which containers come and go without a pause, whatever happens to it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../../support/deadlines.ts';
import { runContainer } from '../../engine/support/berth.ts';
import type { Member } from './engine-fleet.ts';
import type { Ledger } from './ledger.ts';

/** Containers that stay while others come and go. */
const KEPT = 3;
/** ms after a command that failed. */
const PAUSE = 200;
const POLL = 50;
const LATEST = 90_000;

export class Churn {
  readonly #member: Member;
  readonly #network: string;
  readonly #ledger: Ledger;
  readonly #living: string[] = [];
  #begun = 0;
  #ran = 0;
  #failures = 0;
  #isEnding = false;
  #working: Promise<void>;

  constructor(member: Member, network: string, ledger: Ledger) {
    this.#member = member;
    this.#network = network;
    this.#ledger = ledger;
    this.#working = this.#work();
  }

  /** Commands that failed. */
  get failures(): number {
    return this.#failures;
  }

  /** Resolves when no command is running; some containers stay. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#working;
  }

  /** Resolves when this many more containers have started. */
  async untilMore(count: number): Promise<void> {
    const wanted = this.#ran + count;
    await this.#until(() => this.#ran >= wanted, 'more containers start');
  }

  /** Resolves when a command has failed because of what happened to the host. */
  async untilFailed(): Promise<void> {
    const known = this.#failures;
    await this.#until(() => this.#failures > known, 'a command fails');
  }

  async #until(holds: () => boolean, what: string): Promise<void> {
    await until(holds, `${this.#member.name}: ${what}`, { milliseconds: LATEST, pause: POLL });
  }

  async #work(): Promise<void> {
    while (!this.#isEnding) {
      try {
        await this.#run(`c${this.#begun++}`);
        if (this.#living.length > KEPT) await this.#removeEldest();
      } catch {
        this.#failures++;
        await sleep(PAUSE);
      }
    }
  }

  async #run(name: string): Promise<void> {
    const { ip } = await runContainer(this.#member.host, name, '--network', this.#network);
    this.#living.push(name);
    // It may have died with its host since, and the next start of Docker cleans up.
    if (ip === '') return;
    this.#ledger.moveIn(this.#member.name, name, ip);
    this.#ran++;
  }

  async #removeEldest(): Promise<void> {
    const [eldest = ''] = this.#living;
    this.#ledger.moveOut(this.#member.name, eldest);
    await this.#member.host.docker('rm', '-f', eldest);
    this.#living.shift();
  }
}
