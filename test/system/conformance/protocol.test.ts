/** Docker's protocol over the socket of a running Berth, with messages as dockerd sends them. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  type Berth,
  type Folders,
  type PluginAnswer,
  callPlugin,
  startBerth,
  temporaryFolders,
} from '../../support/berth-process.ts';
import { GATEWAY } from '../../support/fleet.ts';

const MUTATING = ['RequestPool', 'ReleasePool', 'RequestAddress', 'ReleaseAddress'];

let berth: Berth;
let folders: Folders;

before(async () => {
  folders = temporaryFolders();
  berth = await startBerth(['up', '--data', folders.data, '--sockets', folders.sockets, '--host-id', 'conformance']);
});

after(async () => {
  await berth.stop();
  folders.remove();
});

const call = (method: string, body: string | Buffer | object = '', driver = 'berth'): Promise<PluginAnswer> =>
  callPlugin(path.join(folders.sockets, `${driver}.sock`), method, body);

async function ipam(method: string, body: object, driver = 'berth'): Promise<Record<string, unknown>> {
  const { status, json } = await call(`IpamDriver.${method}`, body, driver);
  assert.equal(status, 200);
  assert.equal(json['Error'], undefined, String(json['Error']));
  return json;
}

async function error(method: string, body: string | Buffer | object): Promise<string> {
  const { status, json } = await call(`IpamDriver.${method}`, body);
  assert.equal(status, 200);
  assert.deepEqual(Object.keys(json), ['Error']);
  return String(json['Error']);
}

const poolRequest = (changes: object = {}) => ({
  AddressSpace: 'default',
  Pool: '',
  SubPool: '',
  Options: null,
  V6: false,
  ...changes,
});
const requestPool = (changes: object = {}, driver = 'berth') => ipam('RequestPool', poolRequest(changes), driver);
const requestAddress = (PoolID: unknown, Address = '', Options: object | null = null) =>
  ipam('RequestAddress', { PoolID, Address, Options });

describe('the handshake', () => {
  it('says that it is an IPAM driver', async () => {
    for (const body of ['', 'null', '{}']) {
      assert.deepEqual((await call('Plugin.Activate', body)).json, { Implements: ['IpamDriver'] });
    }
  });

  it('requires MACs on berth but not on berth-ipvlan, and no request replay', async () => {
    const capabilities = async (driver: string) => (await call('IpamDriver.GetCapabilities', '', driver)).json;
    assert.deepEqual(await capabilities('berth'), { RequiresMACAddress: true, RequiresRequestReplay: false });
    assert.deepEqual(await capabilities('berth-ipvlan'), { RequiresMACAddress: false, RequiresRequestReplay: false });
  });

  it('names two address spaces', async () => {
    const spaces = { LocalDefaultAddressSpace: 'default', GlobalDefaultAddressSpace: 'default.global' };
    assert.deepEqual((await call('IpamDriver.GetDefaultAddressSpaces')).json, spaces);
  });

  it('rejects other methods', async () => {
    for (const method of ['IpamDriver.Nonsense', 'VolumeDriver.List', 'constructor', '']) {
      assert.equal((await call(method)).status, 404);
    }
  });
});

describe('a network as dockerd creates and removes it', () => {
  it('gets an automatic pool, a gateway and addresses, and releases them all', async () => {
    const { PoolID, Pool, Data } = await requestPool();
    assert.match(String(Pool), /^10\.\d+\.\d+\.0\/24$/);
    assert.deepEqual(Data, {});
    const prefix = String(Pool).replace('.0/24', '');
    assert.equal((await requestAddress(PoolID, '', GATEWAY))['Address'], `${prefix}.1/24`);
    const mac = { 'com.docker.network.endpoint.macaddress': '02:42:ac:11:00:02' };
    const one = String((await requestAddress(PoolID, '', mac))['Address']);
    const two = String(
      (await requestAddress(PoolID, '', { ...mac, 'com.docker.network.endpoint.name': 'web' }))['Address'],
    );
    assert.notEqual(one, two);
    for (const address of [one, two, `${prefix}.1/24`]) {
      assert.deepEqual(await ipam('ReleaseAddress', { PoolID, Address: address.split('/')[0] }), {});
    }
    assert.deepEqual(await ipam('ReleasePool', { PoolID }), {});
    assert.deepEqual(await ipam('ReleasePool', { PoolID }), {});
    const words = /^address space does not contain specified address pool: .* was released; remove the network/;
    assert.match(await error('RequestAddress', { PoolID, Address: '', Options: null }), words);
  });

  it('gets the subnet, range, gateway and auxiliary addresses that it asks for', async () => {
    const { PoolID, Pool } = await requestPool({ Pool: '10.9.0.0/24', SubPool: '10.9.0.128/25', Options: { k: 'v' } });
    assert.equal(Pool, '10.9.0.0/24');
    assert.equal((await requestAddress(PoolID, '10.9.0.254', GATEWAY))['Address'], '10.9.0.254/24');
    assert.equal((await requestAddress(PoolID, '10.9.0.5'))['Address'], '10.9.0.5/24');
    const mac = { 'com.docker.network.endpoint.macaddress': '02:42:ac:11:00:02' };
    const address = String((await requestAddress(PoolID, '', mac))['Address']);
    assert.match(address, /^10\.9\.0\.(12[89]|1[3-9]\d|2\d\d)\/24$/);
    await ipam('ReleasePool', { PoolID });
  });

  it('gets automatic and given IPv6 subnets', async () => {
    const { PoolID, Pool } = await requestPool({ V6: true });
    assert.match(String(Pool), /^fdbe:5274:6800:[0-9a-f:]*:\/64$/);
    assert.match(String((await requestAddress(PoolID, '', GATEWAY))['Address']), /::1\/64$/);
    const given = await requestPool({ V6: true, Pool: 'fd00:1::/64' });
    assert.equal((await requestAddress(given['PoolID'], 'fd00:1::5'))['Address'], 'fd00:1::5/64');
  });

  it('gets a different pool at every request, as dockerd expects while it searches for one that fits', async () => {
    const pools = await Promise.all(Array.from({ length: 12 }, () => requestPool()));
    assert.equal(new Set(pools.map(({ Pool }) => Pool)).size, 12);
  });

  it('gets any pool of a size', async () => {
    assert.match(String((await requestPool({ Pool: '0.0.0.0/26' }))['Pool']), /\/26$/);
    assert.match(String((await requestPool({ Pool: '::/80', V6: true }))['Pool']), /\/80$/);
  });

  it('shares a subnet between the drivers', async () => {
    const one = await requestPool({ Pool: '10.8.0.0/24' });
    const two = await requestPool({ Pool: '10.8.0.0/24' }, 'berth-ipvlan');
    assert.notEqual(one['PoolID'], two['PoolID']);
    const address = (driver: string, PoolID: unknown) =>
      ipam('RequestAddress', { PoolID, Address: '', Options: null }, driver);
    const [a, b] = [await address('berth', one['PoolID']), await address('berth-ipvlan', two['PoolID'])];
    assert.notEqual(a['Address'], b['Address']);
  });

  it('gives 64 endpoints at once 64 addresses', async () => {
    const { PoolID } = await requestPool({ Pool: '10.7.0.0/24' });
    const got = await Promise.all(Array.from({ length: 64 }, () => requestAddress(PoolID)));
    assert.equal(new Set(got.map(({ Address }) => Address)).size, 64);
  });
});

describe('invalid input', () => {
  for (const method of MUTATING) {
    it(`is refused by ${method} with a clear message`, async () => {
      const empty =
        /^the request has no body, which happens when dockerd repeats a request after a broken connection; try again$/;
      assert.match(await error(method, ''), empty);
      assert.match(await error(method, ' \n'), empty);
      assert.match(await error(method, '{'), /^the request is not JSON$/);
      assert.match(await error(method, Buffer.from([0xff, 0xfe, 0])), /^the request is not JSON$/);
      for (const body of ['null', '[]', '7', '"x"', '{}']) {
        assert.match(await error(method, body), /^the request is malformed: \w+: /);
      }
      const large = { AddressSpace: 'default', PoolID: 'x'.repeat(70_000) };
      assert.match(await error(method, large), /^the request is larger than 65536 bytes$/);
      assert.match(await error(method, 'x'.repeat(8_000_000)), /^the request is larger than 65536 bytes$/);
    });
  }

  it('names the field that is wrong', async () => {
    assert.match(await error('RequestPool', poolRequest({ V6: 'yes' })), /V6: Invalid type: Expected boolean/);
    assert.match(await error('RequestPool', poolRequest({ Options: { a: 1 } })), /Options\.a: .*Expected string/);
    assert.match(await error('RequestPool', poolRequest({ AddressSpace: '' })), /AddressSpace: must not be empty/);
    assert.match(await error('RequestAddress', { PoolID: 7 }), /PoolID: Invalid type: Expected string/);
  });

  it("is refused with Docker's own message where there is one", async () => {
    assert.match(
      await error('RequestPool', poolRequest({ Pool: '10.0.0.0/99' })),
      /^invalid address pool: "10.0.0.0\/99"/,
    );
    assert.match(await error('RequestPool', poolRequest({ SubPool: '10.0.0.0/25' })), /^invalid address subpool/);
    assert.match(
      await error('RequestPool', poolRequest({ Options: { 'berth.x': '1' } })),
      /^unknown option berth\.x; the options are /,
    );
    const { PoolID } = await requestPool({ Pool: '10.6.0.0/24' });
    assert.match(
      await error('RequestPool', poolRequest({ Pool: '10.6.0.0/16' })),
      /^Pool overlaps with other one on this address space/,
    );
    assert.match(await error('RequestAddress', { PoolID, Address: '10.5.0.1' }), /^requested address is out of range/);
  });

  it('is not accepted as a PoolID', async () => {
    const { PoolID } = await requestPool();
    const damaged = String(PoolID).replace('berth2', 'berth1');
    for (const id of ['x', '../../x', 'berth1,default', damaged, `${String(PoolID)},`, 'é'.repeat(500)]) {
      assert.match(await error('RequestAddress', { PoolID: id }), /^invalid pool id: .* was not issued by Berth/);
      assert.match(await error('ReleasePool', { PoolID: id }), /^invalid pool id/);
      assert.match(await error('ReleaseAddress', { PoolID: id, Address: '10.0.0.1' }), /^invalid pool id/);
    }
  });
});
