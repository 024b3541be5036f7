/** The suite's own certificate authority, and one certificate for all names of AWS here. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { output } from '../../engine/support/command.ts';

/** Covers any name with as many parts: an asterisk in a certificate stands for one part. */
const names = (region: string): string[] => [
  '*.amazonaws.com',
  `*.${region}.amazonaws.com`,
  `*.execute-api.${region}.amazonaws.com`,
  `*.s3.${region}.amazonaws.com`,
  '*.s3.amazonaws.com',
  `*.lambda-url.${region}.on.aws`,
  '*.example.com',
];

/** Makes key.pem, cert.pem and the authority's ca.pem in the folder. */
export async function makeCertificates(folder: string, region: string): Promise<void> {
  const file = (name: string): string => path.join(folder, name);
  const key = (name: string): string[] => ['-newkey', 'rsa:2048', '-nodes', '-keyout', file(name)];
  const openssl = (...args: string[]): Promise<string> => output('openssl', args);
  await openssl(
    ...['req', '-x509', ...key('ca-key.pem'), '-out', file('ca.pem'), '-days', '2', '-subj', '/CN=Suite cloud'],
    ...['-addext', 'keyUsage=critical,keyCertSign'],
  );
  await openssl('req', ...key('key.pem'), '-out', file('request.pem'), '-subj', '/CN=cloud');
  const extensions = [
    // The emulator gives this address to its functions.
    `subjectAltName=${[...names(region).map((name) => `DNS:${name}`), 'IP:127.0.0.1'].join(',')}`,
    'authorityKeyIdentifier=keyid',
    'extendedKeyUsage=serverAuth',
  ];
  writeFileSync(file('extensions'), `${extensions.join('\n')}\n`);
  await openssl(
    ...['x509', '-req', '-in', file('request.pem'), '-CA', file('ca.pem'), '-CAkey', file('ca-key.pem')],
    ...['-CAcreateserial', '-days', '2', '-extfile', file('extensions'), '-out', file('cert.pem')],
  );
}
