import assert from 'node:assert/strict';
import { it } from 'node:test';
import { signers } from '../../../../shim/aws/signer.ts';
import { startCloud } from '../../../../shim/commands/up.ts';
import { parseEndpoint } from '../../../../shim/endpoint.ts';
import { temporaryFolders } from '../../../support/berth-process.ts';
import { post } from '../../../support/local-function.ts';

it('the embedded cloud identifies the signer by the key next to its sockets, and refuses a changed header', async (t) => {
  const folders = temporaryFolders();
  t.after(() => {
    folders.remove();
  });
  const cloud = await startCloud(folders.data, undefined);
  try {
    const endpoint = parseEndpoint(cloud.endpoint);
    const request = { hostname: 'localhost', port: 80, path: '/Berth.Handshake', body: Buffer.alloc(0) };
    const headers = await signers(undefined)(endpoint).sign({ ...request, headers: { 'berth-driver': 'berth' } });
    assert.equal((await post(endpoint, { ...request, headers })).status, 200);
    const forged = { ...headers, 'berth-driver': 'berth-ipvlan' };
    assert.equal((await post(endpoint, { ...request, headers: forged })).status, 403);
  } finally {
    await cloud.stop();
  }
});
