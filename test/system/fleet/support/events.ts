/** The part of EventBridge that reports EC2 instances that have ended. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import PQueue from 'p-queue';
import { within } from '../../../support/deadlines.ts';
import type { LocalCloud } from '../../../support/local-cloud.ts';

const PROGRAM = path.join(import.meta.dirname, 'sweep-function.ts');
const TIMEOUT = 60_000;

export class Events {
  readonly #function: ChildProcess;
  readonly #queue = new PQueue({ concurrency: 1 });

  constructor(cloud: LocalCloud) {
    const env = { ...process.env, ...cloud.environment };
    this.#function = fork(PROGRAM, { env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  }

  /** Resolves when the function has handled the event. */
  async terminated(instanceId: string): Promise<void> {
    await this.#queue.add(async () => {
      const done = once(this.#function, 'message');
      this.#function.send(terminatedEvent(instanceId));
      await within(done, TIMEOUT, () => `the sweep function did nothing about the end of ${instanceId}`);
    });
  }

  async stop(): Promise<void> {
    const ended = once(this.#function, 'exit');
    this.#function.kill();
    await ended;
  }
}

/** As AWS documents it (Amazon EC2 User Guide, "Automate Amazon EC2 using EventBridge"). */
const terminatedEvent = (instanceId: string) => ({
  version: '0',
  id: '7bf73129-1428-4cd3-a780-95db273d1602',
  'detail-type': 'EC2 Instance State-change Notification',
  source: 'aws.ec2',
  account: '000000000000',
  time: new Date().toISOString(),
  region: 'local',
  resources: [`arn:aws:ec2:local:000000000000:instance/${instanceId}`],
  detail: { 'instance-id': instanceId, state: 'terminated' },
});
