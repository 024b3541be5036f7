import assert from 'node:assert/strict';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { describe, it } from 'node:test';
import * as v from 'valibot';
import { type Endpoint, endpointNamedBy, parseEndpoint } from '../../../shim/endpoint.ts';
import { UsageError, UserError } from '../../../shim/user-error.ts';

const keptOpen = v.object({ options: v.object({ keepAlive: v.literal(true) }) });

const socket = (socketPath: string): Endpoint['target'] => ({
  protocol: 'http:',
  host: 'localhost',
  port: 80,
  socketPath,
});

describe('parseEndpoint', () => {
  const url = 'abc123.lambda-url.eu-west-1.on.aws';
  const good: readonly [text: string, target: Endpoint['target']][] = [
    [`https://${url}/`, { protocol: 'https:', host: url, port: 443 }],
    [`https://${url}`, { protocol: 'https:', host: url, port: 443 }],
    ['https://[fd00::1]:8443', { protocol: 'https:', host: 'fd00::1', port: 8443 }],
    ['https://berth.example:8443', { protocol: 'https:', host: 'berth.example', port: 8443 }],
    ['https://10.0.0.1:8443/', { protocol: 'https:', host: '10.0.0.1', port: 8443 }],
    ['HTTPS://Berth.Example', { protocol: 'https:', host: 'berth.example', port: 443 }],
    ['http://127.0.0.1', { protocol: 'http:', host: '127.0.0.1', port: 80 }],
    ['http://127.0.0.1:3000/', { protocol: 'http:', host: '127.0.0.1', port: 3000 }],
    ['http://localhost:3000', { protocol: 'http:', host: 'localhost', port: 3000 }],
    ['http://[::1]:3000', { protocol: 'http:', host: '::1', port: 3000 }],
    ['http://berth.localhost', { protocol: 'http:', host: 'berth.localhost', port: 80 }],
    [
      'http://abc123.execute-api.localhost:4566/',
      { protocol: 'http:', host: 'abc123.execute-api.localhost', port: 4566 },
    ],
    ['http://A.B_1.LocalHost:8080', { protocol: 'http:', host: 'a.b_1.localhost', port: 8080 }],
    ['https://gateway.localhost:8443', { protocol: 'https:', host: 'gateway.localhost', port: 8443 }],
    ['unix:/run/berth/capabilities.sock', socket('/run/berth/capabilities.sock')],
    ['unix:/var/lib/my data/c%20.sock', socket('/var/lib/my data/c%20.sock')],
  ];
  for (const [text, target] of good) {
    it(`takes ${text}`, () => {
      const endpoint = parseEndpoint(text);
      assert.deepEqual(endpoint.target, target);
      assert.equal(endpoint.text, text);
      endpoint.agent.destroy();
    });
  }

  const bad: readonly [why: string, ...texts: string[]][] = [
    ['nothing', '', ' ', '/', ':'],
    ['no URL', 'berth.example', 'berth.example:443', '/run/berth.sock', './berth.sock', '127.0.0.1:3000'],
    ['a socket without an absolute path', 'unix:', 'unix:berth.sock', 'unix:./berth.sock', 'unix', ' unix:/a'],
    [
      'plain HTTP across a network',
      'http://berth.example',
      'http://10.0.0.1:3000',
      'http://[fd00::1]',
      `http://${url}/`,
    ],
    [
      'a host that only looks like this machine',
      'http://127.0.0.1.example',
      'http://localhost.example',
      'http://a@b/127.0.0.1',
      'http://berth.localhost.example',
      'http://mylocalhost',
      'http://.localhost',
      'http://berth.localhost.',
      'http://berth..localhost',
    ],
    ['this machine as the user name of another', 'http://127.0.0.1@berth.example', 'http://localhost:80@berth.example'],
    ['every address of this machine', 'http://0.0.0.0:3000', 'http://[::]:3000'],
    ['another protocol', 'ftp://berth.example', 'ws://127.0.0.1', 'file:///run/berth.sock', 'tcp://127.0.0.1:80'],
    ['an invalid URL', 'https://', 'https://berth.example:99999', 'https://ber th', 'https://[::1'],
  ];
  for (const [why, ...texts] of bad) {
    it(`refuses ${why}, and says which forms are valid`, () => {
      for (const text of texts) {
        const message =
          `bad endpoint ${JSON.stringify(text)}: give https://…, unix:/PATH, or http:// on this machine ` +
          '(127.0.0.1, [::1], localhost or NAME.localhost)';
        assert.throws(() => parseEndpoint(text), { constructor: UsageError, message });
      }
    });
  }

  for (const [text, more, root = 'https://host/'] of [
    ['https://host/prod', 'a path, /prod'],
    ['https://host?x=1', 'a query, ?x=1'],
    ['https://host#top', 'a fragment, #top'],
    ['https://user:word@host', 'a user name or password'],
    ['https://word@host/a?b', 'a path, /a and a query, ?b and a user name or password'],
    ['https://host:8443/prod/', 'a path, /prod/', 'https://host:8443/'],
    ['http://127.0.0.1/a', 'a path, /a', 'http://127.0.0.1/'],
    ['http://berth.localhost:80/a', 'a path, /a', 'http://berth.localhost/'],
  ] as const) {
    it(`refuses ${text} because of ${more}`, () => {
      const message = `bad endpoint: ${root} is given with ${more}, but Berth answers at the root; give ${root}`;
      assert.throws(() => parseEndpoint(text), { constructor: UsageError, message });
    });
  }

  it('keeps connections open, with TLS only for https', () => {
    for (const text of ['https://berth.example', 'http://localhost', 'unix:/run/berth.sock']) {
      const { agent } = parseEndpoint(text);
      assert.ok(v.is(keptOpen, agent), text);
      assert.equal(agent instanceof HttpsAgent, text.startsWith('https:'), text);
      assert.ok(agent instanceof HttpAgent);
      agent.destroy();
    }
  });
});

describe('an endpoint that the functions name', () => {
  const kinds = [
    'https://berth.example',
    'http://127.0.0.1:3000',
    'http://abc123.execute-api.localhost:4566',
    'unix:/run/berth.sock',
  ];
  const kindOf = (text: string): string | undefined => text.split(':')[0];
  for (const asked of kinds) {
    for (const named of kinds) {
      it(`${asked} names ${named}: ${kindOf(asked) === kindOf(named) ? 'taken' : 'refused'}`, () => {
        const name = (): Endpoint => endpointNamedBy(parseEndpoint(asked), named);
        if (kindOf(asked) === kindOf(named)) assert.equal(name().text, named);
        else assert.throws(name, { constructor: UserError, message: /Berth does not go from .*BERTH_\*_URL/ });
      });
    }
  }

  it('may be on another host', () => {
    assert.equal(endpointNamedBy(parseEndpoint('https://a.example'), 'https://b.example:8443').target.port, 8443);
  });
});
