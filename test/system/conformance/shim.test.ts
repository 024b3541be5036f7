/** `berth shim`: a second host of a cloud, with and without the cloud, and its messages about mistakes. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { callPlugin, runBerth, startBerth } from '../../support/berth-process.ts';
import { scaled } from '../../support/deadlines.ts';
import {
  eventually,
  folders,
  ipam,
  requestAddress,
  requestPool,
  running,
  socket,
  up,
  upArguments,
  useStage,
} from '../../support/stage.ts';

useStage();

describe('berth shim', () => {
  const endpoint = (): string => `unix:${path.join(folders.data, 'cloud/capabilities.sock')}`;

  async function shim(id: string): Promise<string> {
    const [data, sockets] = [path.join(folders.data, `../${id}`), path.join(folders.data, `../${id}.s`)];
    const berth = await startBerth([
      'shim',
      '--data',
      data,
      '--sockets',
      sockets,
      '--host-id',
      id,
      '--endpoint',
      endpoint(),
      '--deadline',
      String(scaled(2)),
    ]);
    running.push(berth);
    return socket(sockets);
  }

  it('adds a second host to the fleet: one subnet, one gateway, no address twice', async () => {
    await up();
    const other = await shim('b');
    const [mine, theirs] = [await requestPool('10.1.0.0/28'), await requestPool('10.1.0.0/28', other)];
    const gateway = { Address: '', Options: { RequestAddressType: 'com.docker.network.gateway' } };
    const gateways = [
      await ipam('RequestAddress', { ...gateway, PoolID: mine['PoolID'] }),
      await ipam('RequestAddress', { ...gateway, PoolID: theirs['PoolID'] }, other),
    ];
    assert.deepEqual(
      gateways.map(({ Address }) => Address),
      ['10.1.0.1/28', '10.1.0.1/28'],
    );
    const asked = Array.from({ length: 13 }, (_, i) =>
      i % 2 === 0 ? requestAddress(mine['PoolID'], '') : requestAddress(theirs['PoolID'], '', other),
    );
    const got = await Promise.all(asked);
    assert.equal(new Set(got).size, 13);
    assert.ok(got.every((address) => String(address).endsWith('/28')));
    assert.match(String(await requestAddress(mine['PoolID'], '')), /^no available addresses on this pool/);
  });

  it("refuses another host's PoolID", async () => {
    await up();
    const other = await shim('b');
    const { PoolID } = await requestPool('10.1.0.0/24');
    const words = /^invalid pool id: the network 10.1.0.0\/24 \(\w+\) belongs to another host, not to b$/;
    assert.match(String(await requestAddress(PoolID, '', other)), words);
    assert.match(String((await ipam('ReleasePool', { PoolID }, other))['Error']), words);
    assert.match(String(await requestAddress(PoolID, '')), /^10\.1\.0\.\d+\/24$/);
  });

  it('answers with a clear error while the cloud is away, and works again when it is back', async () => {
    const cloud = await up();
    const other = await shim('b');
    const { PoolID } = await requestPool('10.1.0.0/24', other);
    await cloud.stop();
    const words =
      /^Berth's functions cannot be reached at unix:.*addresses\.sock: connect ENOENT .*; nothing listens there, so check that Berth is running \(tried \d+ times\)$/;
    assert.match(String(await requestAddress(PoolID, '', other)), words);
    assert.deepEqual((await callPlugin(other, 'IpamDriver.GetCapabilities')).json, {
      RequiresMACAddress: true,
      RequiresRequestReplay: false,
    });
    await up();
    assert.match(String(await requestAddress(PoolID, '', other)), /^10\.1\.0\.\d+\/24$/);
  });

  it('starts with what it stored at an earlier start when the cloud is away', async () => {
    const cloud = await up();
    await shim('b');
    await running.pop()?.stop();
    await cloud.stop();
    const other = await shim('b');
    const { json } = await callPlugin(other, 'IpamDriver.GetDefaultAddressSpaces');
    assert.equal(json['LocalDefaultAddressSpace'], 'default');
    await up();
    assert.match(String((await requestPool('', other))['Pool']), /^10\./);
  });

  it('starts without a network connection, reports it, and serves once the cloud is reachable', async () => {
    const other = await shim('b');
    const { stdout } = running.at(-1) ?? assert.fail();
    assert.match(stdout, /warning +Berth's functions cannot be reached at unix:.*; nothing listens there/);
    const { json } = await callPlugin(other, 'IpamDriver.GetCapabilities');
    assert.deepEqual(json, { RequiresMACAddress: true, RequiresRequestReplay: false });
    const { Error: reason } = await requestPool('', other);
    assert.match(
      String(reason),
      /^Berth's functions are not known yet: the capabilities function \(--endpoint\) has not/,
    );
    await up();
    await eventually(async () => String((await requestPool('', other))['Pool']).startsWith('10.'));
  });

  it('replaces a socket that a killed shim left behind', async () => {
    await up();
    await shim('b');
    await running.pop()?.stop('SIGKILL');
    const other = await shim('b');
    assert.match(String((await requestPool('', other))['Pool']), /^10\./);
  });

  const mistakes = [
    [['--endpoint', 'http://10.0.0.1/'], /bad endpoint "http:\/\/10.0.0.1\/": give https:/],
    [['--endpoint', 'unix:/x', '--space', 'a b'], /bad space "a b": letters, digits/],
    [['--endpoint', 'unix:/x', '--host-id', '-'], /bad host id "-"/],
    [['--endpoint', 'unix:/x', '--drivers', 'berth,x'], /bad drivers "berth,x": give berth,berth-ipvlan, or one/],
    [['--endpoint', 'unix:/x', '--metrics', '0.0.0.0:1'], /bad place for metrics "0.0.0.0:1": give 127.0.0.1:PORT or/],
    [['--endpoint', 'unix:/x', '--deadline', '0'], /give a number from 1 to 600/],
    [['--endpoint', 'https://example.org'], /does not contain the AWS region; set it with --region or AWS_REGION/],
    [['--health'], /no shim answers at .*berth\.sock: connect ENOENT/],
    [[], /name the capabilities function's URL with --endpoint or BERTH_ENDPOINT/],
  ] as const;
  for (const [args, words] of mistakes) {
    it(`reports what is wrong with ${args.join(' ') || 'no arguments'}`, async () => {
      const { data, sockets } = folders;
      const { code, err } = await runBerth(['shim', '--data', data, '--sockets', sockets, ...args]);
      assert.equal(code, args[0] === '--health' ? 1 : 2);
      assert.match(err, words);
      assert.doesNotMatch(err, /\n {4}at /);
      assert.equal(existsSync(socket()), false);
    });
  }

  it('reports a file that blocks the path of a socket', async () => {
    await up();
    await running.pop()?.stop();
    writeFileSync(socket(), '');
    const { code, err } = await runBerth(upArguments(folders));
    assert.equal(code, 1);
    assert.match(err, /berth\.sock exists and is not a socket; remove it/);
  });
});
