import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, describe, it } from 'node:test';
import * as v from 'valibot';
import type { Verdict } from '../../../shim/cloud/verdict.ts';
import { Registration, lineage } from '../../../shim/host/registration.ts';
import { UserError } from '../../../shim/user-error.ts';
import { failureOf, refusalOf } from './stand-ins.ts';
import { settled } from './steered-time.ts';
import { temporaryFolder } from './temporary.ts';

const RETRY = 6_000;
const sentMessage = v.object({ Incarnation: v.optional(v.string()), Proposed: v.string() });
type Sent = v.InferOutput<typeof sentMessage>;

const accepts =
  (told: object = {}) =>
  ({ Proposed: Incarnation }: Sent): Verdict => ({
    kind: 'answered',
    text: JSON.stringify({ Incarnation, Epoch: 1, Floor: '0000000a0', HeartbeatSeconds: 600, Fresh: false, ...told }),
    refusal: undefined,
    granted: undefined,
  });

interface Stage {
  readonly folder: string;
  readonly registration: Registration;
  readonly sent: Sent[];
  readonly warnings: string[];
  readonly floors: string[];
  readonly renewals: string[];
  /** What the cloud returns from now on. */
  says: (sent: Sent) => Verdict | Promise<Verdict>;
  /** May throw when the calls of an earlier machine are given up. */
  onRenewed: () => void;
  readonly pass: (milliseconds: number) => Promise<void>;
}

async function stage(t: TestContext, says: Stage['says'], given?: string): Promise<Stage> {
  if (given === undefined) t.mock.timers.enable({ apis: ['setTimeout'] });
  const folder = given ?? (await temporaryFolder(t));
  const [sent, warnings, floors, renewals]: [Sent[], string[], string[], string[]] = [[], [], [], []];
  const registration = new Registration({
    folder,
    version: '0.1.0',
    space: 'default',
    machine: {},
    send: async (message) => {
      sent.push(v.parse(sentMessage, message));
      return self.says(v.parse(sentMessage, message));
    },
    warn: (message) => warnings.push(message),
  });
  registration.on('floor', (sequence) => floors.push(sequence));
  registration.on('renewed', () => {
    self.onRenewed();
    renewals.push('renewed');
  });
  t.after(() => {
    registration.close();
  });
  const pass = async (milliseconds: number): Promise<void> => {
    t.mock.timers.tick(milliseconds);
    await settled();
  };
  const self: Stage = {
    folder,
    registration,
    sent,
    warnings,
    floors,
    renewals,
    says,
    onRenewed: () => undefined,
    pass,
  };
  return self;
}

async function isTaken({ registration }: Stage): Promise<boolean> {
  return Promise.race([registration.registered.then(() => true), settled().then(() => false)]);
}

describe('a registration', () => {
  it('identifies this host, and learns epoch and floor', async (t) => {
    const self = await stage(t, accepts({ Epoch: 3 }));
    await self.registration.keep();
    assert.deepEqual([self.registration.epoch, self.floors, self.sent.length], [3, ['0000000a0'], 1]);
    assert.match(self.sent[0]?.Proposed ?? '', /^[0-9a-f]{24}$/);
    assert.ok(await isTaken(self));
  });

  it('offers the same pair until it is answered, also after a restart', async (t) => {
    const self = await stage(t, () => failureOf('silence'));
    await self.registration.keep();
    await self.pass(RETRY);
    assert.deepEqual(self.sent[1], self.sent[0]);
    assert.equal(await isTaken(self), false);
    self.registration.close();
    const next = await stage(t, accepts(), self.folder);
    await next.registration.keep();
    assert.deepEqual(next.sent, [self.sent[0]]);
  });

  it('names the nonce that was confirmed last, and offers another each time', async (t) => {
    const self = await stage(t, accepts());
    await self.registration.keep();
    await self.pass(660_000);
    const [first, second] = self.sent;
    assert.equal(second?.Incarnation, first?.Proposed);
    assert.notEqual(second?.Proposed, first?.Proposed);
  });

  it('is on the disk before it is sent', async (t) => {
    const self = await stage(t, accepts());
    const file = path.join(self.folder, 'incarnation.json');
    self.says = (sent) => {
      assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { proposed: sent.Proposed });
      return accepts()(sent);
    };
    await self.registration.keep();
    assert.ok(await isTaken(self));
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { current: self.sent[0]?.Proposed });
  });

  it('is not sent before it can be written to the disk', async (t) => {
    const self = await stage(t, accepts());
    const inTheWay = path.join(self.folder, 'incarnation.json.new');
    mkdirSync(inTheWay);
    await self.registration.keep();
    assert.deepEqual(self.sent, []);
    assert.match(self.warnings[0] ?? '', /^this host is not registered: Error: EISDIR/);
    rmdirSync(inTheWay);
    await self.pass(RETRY);
    assert.ok(await isTaken(self));
  });

  it('is repeated with each heartbeat, at the interval that the functions ask for', async (t) => {
    const self = await stage(t, accepts({ HeartbeatSeconds: 60 }));
    await self.registration.keep();
    await self.pass(53_000);
    assert.equal(self.sent.length, 1);
    await self.pass(14_000);
    assert.equal(self.sent.length, 2);
  });

  it('logs the reason of a failure once, not each time', async (t) => {
    const self = await stage(t, () => failureOf('silence'));
    await self.registration.keep();
    for (let i = 0; i < 5; i++) await self.pass(RETRY);
    assert.deepEqual(self.warnings, ['this host is not registered: silence']);
  });

  for (const text of ['{}', '{"Incarnation":"a","Epoch":0,"Floor":"000000000","HeartbeatSeconds":1,"Fresh":false}']) {
    it(`rejects an unexpected response: ${text}`, async (t) => {
      const self = await stage(t, () => ({ kind: 'answered', text, refusal: undefined, granted: undefined }));
      await self.registration.keep();
      assert.match(self.warnings[0] ?? '', /^this host is not registered: unexpected response, not from Berth: {/);
      assert.equal(await isTaken(self), false);
    });
  }

  it('refuses to start from a damaged file', async (t) => {
    const folder = await temporaryFolder(t, { 'incarnation.json': '{"current":7}' });
    await assert.rejects(stage(t, accepts(), folder), UserError);
  });

  it('changes nothing when it is answered after it was closed', async (t) => {
    const answer = Promise.withResolvers<Verdict>();
    const self = await stage(t, () => answer.promise);
    const kept = self.registration.keep();
    await settled();
    const [sent] = self.sent;
    assert.ok(sent !== undefined);
    self.registration.close();
    answer.resolve(accepts({ Fresh: true })(sent));
    await kept;
    assert.deepEqual([self.renewals, await isTaken(self)], [[], false]);
    assert.deepEqual(JSON.parse(readFileSync(path.join(self.folder, 'incarnation.json'), 'utf8')), {
      proposed: sent.Proposed,
    });
  });
});

describe('a host that the fleet refuses', () => {
  it('reports the reason until it is accepted, whether or not the cloud answers in the meantime', async (t) => {
    const self = await stage(t, () => refusalOf('another machine has been this host'));
    await self.registration.keep();
    assert.equal(self.registration.refusal, 'another machine has been this host');
    assert.equal(await isTaken(self), false);
    self.says = () => failureOf('silence');
    await self.pass(RETRY);
    assert.equal(self.registration.refusal, 'another machine has been this host');
    self.says = accepts();
    await self.pass(RETRY);
    assert.equal(self.registration.refusal, undefined);
    assert.ok(await isTaken(self));
  });
});

describe('a host that the fleet accepts as a new one', () => {
  it('gives up what an earlier machine left before anything is sent', async (t) => {
    const self = await stage(t, accepts({ Fresh: true }));
    self.onRenewed = () => {
      assert.equal(self.registration.epoch, 1);
    };
    await self.registration.keep();
    assert.deepEqual(self.renewals, ['renewed']);
    assert.ok(await isTaken(self));
  });

  it('is not registered before it has given that up', async (t) => {
    const self = await stage(t, accepts({ Fresh: true }));
    self.onRenewed = () => {
      throw new Error('no space left');
    };
    await self.registration.keep();
    assert.equal(await isTaken(self), false);
    const [first] = self.sent;
    self.onRenewed = () => undefined;
    await self.pass(RETRY);
    assert.ok(await isTaken(self));
    assert.deepEqual(self.sent[1], first, 'the same message, to which the cloud gives the same answer');
  });
});

describe('the lineage of a folder', () => {
  it('is created with the folder, kept, and different for another folder', async (t) => {
    const [one, other] = [await temporaryFolder(t), await temporaryFolder(t)];
    const made = lineage(one);
    assert.match(made, /^[0-9a-f]{24}$/);
    assert.equal(lineage(one), made);
    assert.notEqual(lineage(other), made);
  });
});
