/**
 * A minimal client that reads an item from DynamoDB: fetch, and a signature. It has no retries, timeouts, types or
 * endpoints. It shows the size and the time of a function that uses only the signer of the SDK.
 */
import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';

class Sha256 {
  readonly #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    const key = secret instanceof ArrayBuffer ? new Uint8Array(secret) : secret;
    this.#hash =
      key === undefined ? createHash('sha256') : createHmac('sha256', typeof key === 'string' ? key : bytesOf(key));
  }

  update(data: Uint8Array | string): void {
    this.#hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => new Uint8Array(buffer, byteOffset, byteLength);

const {
  AWS_REGION: region = '',
  AWS_ACCESS_KEY_ID: accessKeyId = '',
  AWS_SECRET_ACCESS_KEY: secretAccessKey = '',
} = process.env;
const endpoint = new URL(process.env['AWS_ENDPOINT_URL_DYNAMODB'] ?? `https://dynamodb.${region}.amazonaws.com`);
const signature = new SignatureV4({
  service: 'dynamodb',
  region,
  sha256: Sha256,
  credentials: { accessKeyId, secretAccessKey },
});

export async function handler(): Promise<{ statusCode: number; body: string }> {
  const key = { pk: { S: 'nobody' }, sk: { S: 'nobody' } };
  const body = JSON.stringify({ TableName: process.env['BERTH_TABLE'], Key: key, ConsistentRead: true });
  const { headers } = await signature.sign({
    method: 'POST',
    protocol: endpoint.protocol,
    hostname: endpoint.hostname,
    path: '/',
    query: {},
    body,
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      host: endpoint.host,
      'x-amz-target': 'DynamoDB_20120810.GetItem',
    },
  });
  const answer = await fetch(endpoint, { method: 'POST', headers, body });
  return { statusCode: answer.status, body: await answer.text() };
}
