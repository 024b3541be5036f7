/** A cloud that verifies signatures, a host that is attacked, and its attacker. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before } from 'node:test';
import * as v from 'valibot';
import type { Key } from '../../../../infra/local/keyring.ts';
import { MAC } from '../../../support/fleet.ts';
import { LocalCloud } from '../../../support/local-cloud.ts';
import type { PostAnswer } from '../../../support/local-function.ts';
import { type Keys, ROLE, introduce } from '../../../support/principals.ts';
import { readContents } from '../../fuzz/support/table.ts';
import { type Path, type Plain, type Signed, callHeaders, send, sign } from './requests.ts';

export const VICTIM = 'i-0123456789abcdef0';
export const MALLORY = 'i-0fedcba9876543210';
/** ms: so long that no sweep, which would write to the table, runs during a test. */
const NEVER = 3_600_000;
const MINUTE = 60_000;

const PRINCIPALS = {
  victim: { userArn: `${ROLE}/${VICTIM}`, sessionToken: 'token of the victim' },
  mallory: { userArn: `${ROLE}/${MALLORY}`, sessionToken: 'token of mallory' },
  /** A session of the same role on no instance. */
  stray: { userArn: `${ROLE}/stray` },
  user: { userArn: 'arn:aws:iam::123456789012:user/web' },
  operator: { userArn: 'arn:aws:iam::123456789012:user/ops' },
  expired: { userArn: `${ROLE}/${VICTIM}`, sessionToken: 'token of yesterday', expires: Date.now() - MINUTE },
} as const;
type Name = keyof typeof PRINCIPALS;

const line = v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.unknown()));
const text = v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.unknown()));
export type Line = v.InferOutput<typeof line>;

export class Stage {
  readonly cloud: LocalCloud;
  readonly keys: Keys<Name>;

  private constructor(cloud: LocalCloud) {
    this.cloud = cloud;
    this.keys = introduce<Name>(cloud, PRINCIPALS);
  }

  static async open(): Promise<Stage> {
    return new Stage(await LocalCloud.start({ sweepEvery: NEVER }));
  }

  close(): Promise<void> {
    return this.cloud.stop();
  }

  /** Every item with every attribute. */
  async table(): Promise<ReadonlySet<string>> {
    return (await readContents(this.cloud.client, 'berth')).all;
  }

  #log(): string {
    return readFileSync(path.join(this.cloud.folder, 'cloud.log'), 'utf8');
  }

  send(signed: Signed): Promise<PostAnswer> {
    return send(this.cloud.folder, signed);
  }

  /** A call that must succeed. @returns its answer. */
  async call(host: string, key: Key, path: Path, message: object): Promise<Readonly<Record<string, unknown>>> {
    return granted(await this.send(sign({ path, message, headers: callHeaders(host) }, { key })));
  }

  register(host: string, key: Key): Promise<unknown> {
    return this.call(host, key, '/Berth.Register', { Proposed: `nonce-${host}`, ShimVersion: '1' });
  }

  /**
   * Sends an attack, which must leave the table as it is.
   *
   * @returns its answer, and what was logged in the meantime.
   */
  async attack(signed: Signed): Promise<{ readonly answer: PostAnswer; readonly lines: readonly Line[] }> {
    const before = await this.table();
    const logged = this.#log().length;
    const answer = await this.send(signed);
    assert.deepEqual(await this.table(), before, 'the table has changed');
    const lines = this.#log()
      .slice(logged)
      .split('\n')
      .filter((each) => each.startsWith('{'));
    return { answer, lines: lines.map((each) => v.parse(line, each)) };
  }
}

export function granted({ status, headers, body }: PostAnswer): Readonly<Record<string, unknown>> {
  assert.deepEqual([status, headers['berth-refusal']], [200, undefined], body);
  return v.parse(text, body);
}

export const errorOf = ({ body }: PostAnswer): string => String(v.parse(text, body)['Error']);

/** What a host holds, and messages about it, one for each method. */
export interface Holdings {
  readonly poolId: string;
  readonly address: string;
  readonly poolKey: string;
  readonly addressKey: string;
}

export async function holdings(stage: Stage, host: string, key: Key, pool: string): Promise<Holdings> {
  await stage.register(host, key);
  const asked = { path: '/IpamDriver.RequestPool', message: { AddressSpace: 'default', Pool: pool } } as const;
  const forPool: Plain = { ...asked, headers: callHeaders(host) };
  const { PoolID } = granted(await stage.send(sign(forPool, { key })));
  const wish = { PoolID, Address: '', Options: MAC };
  const forAddress: Plain = { path: '/IpamDriver.RequestAddress', message: wish, headers: callHeaders(host) };
  const { Address } = granted(await stage.send(sign(forAddress, { key })));
  return {
    poolId: String(PoolID),
    address: String(Address).replace(/\/\d+$/, ''),
    poolKey: forPool.headers['berth-request'] ?? '',
    addressKey: forAddress.headers['berth-request'] ?? '',
  };
}

/** Each method, as an attacker would call it to get what a host holds. */
export const methodsOn = ({ poolId, address, poolKey, addressKey }: Holdings): readonly (readonly [Path, object])[] => [
  ['/IpamDriver.RequestPool', { AddressSpace: 'default', Pool: '10.99.0.0/24' }],
  ['/IpamDriver.RequestPool', { AddressSpace: 'default', Pool: '' }],
  ['/IpamDriver.RequestAddress', { PoolID: poolId, Address: '', Options: MAC }],
  ['/IpamDriver.ReleaseAddress', { PoolID: poolId, Address: address }],
  ['/IpamDriver.ReleasePool', { PoolID: poolId }],
  ['/Berth.Settle', { Method: 'RequestPool', RequestKey: poolKey, Request: {}, Keep: null }],
  [
    '/Berth.Settle',
    { Method: 'RequestAddress', RequestKey: addressKey, Request: { PoolID: poolId, Options: MAC }, Keep: null },
  ],
  ['/Berth.Holdings', { PoolID: poolId }],
  ['/Berth.Revive', { PoolID: poolId, Held: [{ Address: address }], Last: true }],
  ['/Berth.Networks', { After: null }],
];

export let stage: Stage;
/** What the victim holds. */
export let held: Holdings;

/** For the tests of the file that calls this. @param prepare comes last before them. */
export function useStage(prepare?: () => Promise<void>): void {
  before(async () => {
    stage = await Stage.open();
    held = await holdings(stage, VICTIM, stage.keys.victim, '10.1.0.0/24');
    await prepare?.();
  });
  after(() => stage.close());
}
