/** A function as Lambda runs it: one execution environment per concurrent call, up to its concurrency. */
import { ExecutionEnvironment, type PackagedFunction } from './environment.ts';

export class FunctionPool {
  readonly #of: PackagedFunction;
  readonly #concurrency: number;
  readonly #environments = new Set<ExecutionEnvironment>();
  readonly #idle: ExecutionEnvironment[] = [];
  readonly #waiting: ((environment: ExecutionEnvironment | undefined) => void)[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #starting = 0;

  /** @param concurrency calls beyond it wait, where AWS would answer HTTP 429. */
  constructor(of: PackagedFunction, concurrency: number) {
    this.#of = of;
    this.#concurrency = concurrency;
  }

  /** The live environments. */
  get environments(): readonly ExecutionEnvironment[] {
    return [...this.#environments];
  }

  /** @param event JSON @returns JSON @throws InvocationError */
  async invoke(event: string): Promise<string> {
    const environment = await this.#take();
    try {
      return await environment.invoke(event);
    } finally {
      const giving = this.#giveBack(environment);
      this.#underWay.add(giving);
      void giving.finally(() => this.#underWay.delete(giving));
    }
  }

  /** Resolves when all live environments are frozen. */
  async quiet(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async stop(): Promise<void> {
    await Promise.all(this.environments.map((environment) => environment.kill()));
    await this.quiet();
  }

  async #take(): Promise<ExecutionEnvironment> {
    for (;;) {
      const idle = this.#idle.pop();
      if (idle?.isAlive === true) return idle;
      if (idle !== undefined) this.#environments.delete(idle);
      else if (this.#environments.size + this.#starting < this.#concurrency) return this.#start();
      else {
        const given = await new Promise<ExecutionEnvironment | undefined>((resolve) => this.#waiting.push(resolve));
        if (given !== undefined) return given;
      }
    }
  }

  async #start(): Promise<ExecutionEnvironment> {
    // Counted at once, or two concurrent calls would start more than the limit.
    this.#starting++;
    try {
      const environment = await ExecutionEnvironment.start(this.#of);
      this.#environments.add(environment);
      return environment;
    } finally {
      this.#starting--;
    }
  }

  /** Gives the environment to a waiting call, or lets it rest; a dead one makes room for another. */
  async #giveBack(environment: ExecutionEnvironment): Promise<void> {
    await environment.settle();
    if (environment.isAlive) {
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(environment);
      else next(environment);
    } else {
      this.#environments.delete(environment);
      this.#waiting.shift()?.(undefined);
    }
  }
}
