/** What a comparison asks the functions: no more than it has to. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as v from 'valibot';
import type { HoldingsAnswer, HoldingsMessage, NetworksAnswer } from '../../../../protocol/host-messages.ts';
import { MAX_KNOWN_NETWORKS } from '../../../../protocol/limits.ts';
import { FleetRecords } from '../../../../shim/reconcile/fleet-records.ts';

const HOLDINGS: HoldingsAnswer = {
  Network: 'net',
  Pool: '10.1.0.0/24',
  State: 'live',
  Leases: [{ Address: '10.1.0.2', Key: 'k' }],
  Others: [],
  Next: null,
};

type Asked = readonly [path: string, message: object];

/** Functions that answer questions about holdings as told, and know no other networks. */
function stage(answer: (message: HoldingsMessage) => HoldingsAnswer, networks: NetworksAnswer['Networks'] = []) {
  const asked: Asked[] = [];
  const records = new FleetRecords((path, message) => {
    asked.push([path, message]);
    const list: NetworksAnswer = { Networks: networks, Next: null };
    const text = JSON.stringify(path === '/Berth.Networks' ? list : answer(v.parse(question, message)));
    return Promise.resolve({ kind: 'answered', text, refusal: undefined, granted: undefined });
  });
  return { records, asked };
}

const question = v.looseObject({
  PoolID: v.string(),
  Addresses: v.optional(v.array(v.string())),
  Further: v.optional(v.array(v.string())),
});

/** A network of which the name of the PoolID is the key. */
const quiet = (key: string): HoldingsAnswer => ({ ...HOLDINGS, Network: key, Leases: [] });
/** Functions answer for at most so many further networks. */
const answering =
  (most: number) =>
  ({ PoolID, Further = [] }: HoldingsMessage): HoldingsAnswer => ({
    ...quiet(PoolID),
    Further: Further.slice(0, most).map(quiet),
  });
const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `p${i}`);

describe('the records of a network', () => {
  it('are asked for once if all that Docker has is leased to this host', async () => {
    const { records, asked } = stage(() => HOLDINGS);
    const [network] = await records.networks(['p'], () => ['10.1.0.2']);
    assert.deepEqual(network?.leases, [{ address: '10.1.0.2', key: 'k' }]);
    assert.deepEqual(asked, [
      ['/Berth.Holdings', { PoolID: 'p' }],
      ['/Berth.Networks', { After: null, Known: ['net'] }],
    ]);
  });

  it('say who holds the other addresses that Docker has', async () => {
    const held = { ...HOLDINGS, Leases: [], Others: [{ Address: '10.1.0.3', Holder: 'host b' }] };
    const { records, asked } = stage(({ Addresses }) => (Addresses === undefined ? HOLDINGS : held));
    const [network] = await records.networks(['p'], () => ['10.1.0.2', '10.1.0.3']);
    assert.deepEqual(network?.others, [{ address: '10.1.0.3', holder: 'host b' }]);
    assert.deepEqual(asked[1], ['/Berth.Holdings', { PoolID: 'p', Addresses: ['10.1.0.3'] }]);
  });

  it('are read to their end, page by page', async () => {
    const pages = [
      { ...HOLDINGS, Next: '64' },
      { ...HOLDINGS, Leases: [{ Address: '10.1.4.2', Key: 'l' }] },
    ];
    const { records, asked } = stage(({ After }) => pages[After === undefined ? 0 : 1] ?? HOLDINGS);
    const [network] = await records.networks(['p'], () => []);
    assert.deepEqual(
      network?.leases.map(({ address }) => address),
      ['10.1.0.2', '10.1.4.2'],
    );
    assert.deepEqual(asked[1], ['/Berth.Holdings', { PoolID: 'p', After: '64' }]);
  });
});

describe('the records of many networks', () => {
  it('are asked for sixty-four at a time, and each network once', async () => {
    const { records, asked } = stage(answering(Infinity));
    const known = numbered(100);
    const networks = await records.networks(known, () => []);
    assert.deepEqual(
      networks.map(({ poolId, key }) => [poolId, key]),
      known.map((key) => [key, key]),
    );
    assert.deepEqual(asked, [
      ['/Berth.Holdings', { PoolID: 'p0', Further: known.slice(1, 64) }],
      ['/Berth.Holdings', { PoolID: 'p64', Further: known.slice(65) }],
      ['/Berth.Networks', { After: null, Known: known }],
    ]);
  });

  for (const [what, most] of [
    ['earlier functions, which answer for one', 0],
    ['functions that leave some out', 3],
  ] as const) {
    it(`are complete with ${what}`, async () => {
      const { records } = stage(answering(most));
      const known = numbered(10);
      const networks = await records.networks(known, () => []);
      assert.deepEqual(
        networks.map(({ poolId, key }) => [poolId, key]),
        known.map((key) => [key, key]),
      );
    });
  }

  it('include those that only the table lists, once', async () => {
    const listed = ['p0', 'q0', 'q1'].map((PoolID) => ({
      PoolID,
      Network: PoolID,
      Pool: '10.1.0.0/24',
      State: 'live' as const,
    }));
    const { records, asked } = stage(answering(Infinity), listed);
    const networks = await records.networks(['p0'], () => []);
    assert.deepEqual(
      networks.map(({ key }) => key),
      ['p0', 'q0', 'q1'],
    );
    assert.deepEqual(asked.at(-1), ['/Berth.Holdings', { PoolID: 'q0', Further: ['q1'] }]);
  });

  it('name no more known networks than a message may have', async () => {
    const { records, asked } = stage(answering(Infinity));
    await records.networks(numbered(600), () => []);
    const [, message] = asked.at(-1) ?? [];
    assert.deepEqual(message, { After: null, Known: numbered(MAX_KNOWN_NETWORKS) });
  });
});
