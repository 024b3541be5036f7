/** The first container after a power loss does not get an address that another container asks for with `--ip`. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Fleet, Host, type PoolWish, fleet, network, withMac } from '../../support/fleet.ts';
import { MemoryStore } from '../../support/memory-store.ts';

let macs = 0;
/** Engines up to 28 send only the MAC, which is a new one at each start. */
const anyEndpoint = () => withMac(`02:42:ac:12:00:${(macs++).toString(16).padStart(2, '0')}`);

const SERIAL: PoolWish = { options: { 'berth.order': 'serial', 'berth.gateway': 'none' } };
/** ms, longer than any cool-down. */
const LONG = 3_600_000;

/** A host loses power: dockerd releases everything when it starts again, then starts containers in its own order. */
async function powerLoss(deps: Fleet, host: Host, net: { poolId: string; pool: string }, held: readonly string[]) {
  for (const address of held) await host.release(net, address);
  deps.world.advance(LONG);
}

describe('after a power loss', () => {
  for (const [order, wish] of [
    ['serial', SERIAL],
    ['spread', { options: { 'berth.gateway': 'none' } }],
  ] as const) {
    it(`an address that was asked for with --ip is kept for the container that asks for it again (${order})`, async () => {
      const { deps, host, net } = await network('10.1.0.0/28', wish);
      const db = await host.address(net, '10.1.0.1', anyEndpoint());
      const others: string[] = [];
      for (let i = 0; i < 12; i++) others.push(await host.address(net, '', anyEndpoint()));
      await powerLoss(deps, host, net, [db, ...others]);
      for (let i = 0; i < 12; i++) assert.notEqual(await host.address(net, '', anyEndpoint()), db);
      assert.equal(await host.address(net, db, anyEndpoint()), db);
    });
  }

  it('an address that was asked for with --ip is kept also when another host starts a container first', async () => {
    const { deps, host, net, other } = await network('10.1.0.0/29', SERIAL);
    const db = await host.address(net, '10.1.0.1', anyEndpoint());
    await powerLoss(deps, host, net, [db]);
    const theirs = await other.pool({ pool: '10.1.0.0/29', ...SERIAL });
    for (let i = 0; i < 5; i++) assert.notEqual(await other.address(theirs, '', anyEndpoint()), db);
  });

  it('an address that was asked for with --ip is given to any container when no other is left, and is not kept from then on', async () => {
    const { deps, host, net } = await network('10.1.0.0/29', SERIAL);
    const db = await host.address(net, '10.1.0.1', anyEndpoint());
    await powerLoss(deps, host, net, [db]);
    for (let i = 0; i < 5; i++) assert.notEqual(await host.address(net, '', anyEndpoint()), db);
    assert.equal(await host.address(net, '', anyEndpoint()), db);
    await powerLoss(deps, host, net, [db]);
    assert.equal(await host.address(net, '', anyEndpoint()), db, 'it was last given automatically');
  });

  it('an address in its cool-down is given first', async () => {
    const { deps, host, net } = await network('10.1.0.0/30', SERIAL);
    const db = await host.address(net, '10.1.0.1', anyEndpoint());
    await powerLoss(deps, host, net, [db]);
    const other = await host.address(net, '', anyEndpoint());
    assert.equal(other, '10.1.0.2');
    await host.release(net, other);
    assert.equal(await host.address(net, '', anyEndpoint()), other);
  });

  it('two addresses that were asked for with --ip are given one after the other when no others are left', async () => {
    const { deps, host, net } = await network('10.1.0.0/30', SERIAL);
    for (const ip of ['10.1.0.1', '10.1.0.2']) await host.address(net, ip, anyEndpoint());
    await powerLoss(deps, host, net, ['10.1.0.1', '10.1.0.2']);
    const both = [await host.address(net, '', anyEndpoint()), await host.address(net, '', anyEndpoint())];
    assert.deepEqual(both.sort(), ['10.1.0.1', '10.1.0.2']);
  });

  it('keeping such addresses costs no more requests to the table', async () => {
    const counts = { writes: 0, reads: 0 };
    class CountingStore extends MemoryStore {
      override writeSlot(...all: Parameters<MemoryStore['writeSlot']>) {
        counts.writes++;
        return super.writeSlot(...all);
      }
      override readChunks(...all: Parameters<MemoryStore['readChunks']>) {
        counts.reads++;
        return super.readChunks(...all);
      }
    }
    const deps = { ...fleet(), store: new CountingStore() };
    const host = new Host(deps, 'a');
    const net = await host.pool({ pool: '10.1.0.0/24' });
    counts.writes = 0;
    await host.address(net, '10.1.0.77', anyEndpoint());
    await host.address(net, '', anyEndpoint());
    assert.deepEqual(counts, { writes: 2, reads: 0 });
  });
});
