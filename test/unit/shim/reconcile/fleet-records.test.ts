/** What a comparison asks the functions: no more than it has to. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HoldingsAnswer, HoldingsMessage, NetworksAnswer } from '../../../../protocol/host-messages.ts';
import { FleetRecords } from '../../../../shim/reconcile/fleet-records.ts';

const HOLDINGS: HoldingsAnswer = {
  Network: 'net',
  Pool: '10.1.0.0/24',
  State: 'live',
  Leases: [{ Address: '10.1.0.2', Key: 'k' }],
  Others: [],
  Next: null,
};

/** Functions that know one network. */
function stage(answer: (message: Partial<HoldingsMessage>) => HoldingsAnswer) {
  const asked: unknown[] = [];
  const records = new FleetRecords((path, message: Partial<HoldingsMessage>) => {
    asked.push([path, message]);
    const networks: NetworksAnswer = { Networks: [], Next: null };
    const text = JSON.stringify(path === '/Berth.Networks' ? networks : answer(message));
    return Promise.resolve({ kind: 'answered', text, refusal: undefined, granted: undefined });
  });
  return { records, asked };
}

describe('the records of a network', () => {
  it('are asked for once if all that Docker has is leased to this host', async () => {
    const { records, asked } = stage(() => HOLDINGS);
    const [network] = await records.networks(['p'], () => ['10.1.0.2']);
    assert.deepEqual(network?.leases, [{ address: '10.1.0.2', key: 'k' }]);
    assert.deepEqual(asked, [
      ['/Berth.Holdings', { PoolID: 'p' }],
      ['/Berth.Networks', { After: null }],
    ]);
  });

  it('say who holds the other addresses that Docker has', async () => {
    const held = { ...HOLDINGS, Leases: [], Others: [{ Address: '10.1.0.3', Holder: 'host b' }] };
    const { records, asked } = stage(({ Addresses }) => (Addresses === undefined ? HOLDINGS : held));
    const [network] = await records.networks(['p'], () => ['10.1.0.2', '10.1.0.3']);
    assert.deepEqual(network?.others, [{ address: '10.1.0.3', holder: 'host b' }]);
    assert.deepEqual(asked[1], ['/Berth.Holdings', { PoolID: 'p', Addresses: ['10.1.0.3'] }]);
  });
});
