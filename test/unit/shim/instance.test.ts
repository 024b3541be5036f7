import assert from 'node:assert/strict';
import { type TestContext, describe, it } from 'node:test';
import { instanceId } from '../../../shim/host/ec2-instance.ts';
import { environment, standIn } from './aws/stand-ins.ts';
import { temporaryFile } from './temporary.ts';

const ID = 'i-0123456789abcdef0';
const EC2 = 'Amazon EC2\n';

/** An instance's metadata service, version 2. */
async function metadata(t: TestContext, id: string | undefined): Promise<string[]> {
  const { url, requests } = await standIn(t, ({ method, url: asked, headers }) => {
    if (id === undefined) return { status: 403, body: '' };
    if (asked === '/latest/api/token' && method === 'PUT') return { status: 200, body: 'imds-token' };
    if (headers['x-aws-ec2-metadata-token'] !== 'imds-token') return { status: 401, body: '' };
    return asked === '/latest/meta-data/instance-id' ? { status: 200, body: id } : { status: 404, body: '' };
  });
  await environment(t, { AWS_EC2_METADATA_DISABLED: '', AWS_EC2_METADATA_SERVICE_ENDPOINT: url });
  return requests;
}

describe('the EC2 instance id of this host', () => {
  it('is what its metadata service returns', async (t) => {
    const requests = await metadata(t, ID);
    assert.equal(await instanceId(await temporaryFile(t, EC2)), ID);
    assert.deepEqual(requests, ['PUT /latest/api/token', 'GET /latest/meta-data/instance-id']);
  });

  for (const vendor of ['QEMU\n', '', 'Amazon EC2 lookalike\n']) {
    it(`is absent on another machine, without a request to the metadata service: ${JSON.stringify(vendor)}`, async (t) => {
      const requests = await metadata(t, ID);
      assert.equal(await instanceId(await temporaryFile(t, vendor)), undefined);
      assert.deepEqual(requests, []);
    });
  }

  it('is absent where the firmware names no vendor, without a request to the metadata service', async (t) => {
    const requests = await metadata(t, ID);
    assert.equal(await instanceId('/nonexistent/sys_vendor'), undefined);
    assert.deepEqual(requests, []);
  });

  for (const [what, id] of [
    ['is switched off', undefined],
    ['says something else', '<html>'],
  ] as const) {
    it(`is unknown where the metadata service ${what}`, async (t) => {
      await metadata(t, id);
      assert.equal(await instanceId(await temporaryFile(t, EC2)), undefined);
    });
  }
});
