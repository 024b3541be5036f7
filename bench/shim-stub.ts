/**
 * Functions that answer at once, in a process of their own, so that a call's time is the shim's.
 *
 * Usage: fork of node bench/shim-stub.ts SOCKET
 */
import { createServer } from 'node:http';
import * as v from 'valibot';
import { readBody } from '../shim/read-body.ts';

const SUBNET = '10.1.0.0/16';
const POOL = { PoolID: 'bench', Pool: SUBNET, Data: {} };
const MAX_BODY_BYTES = 65_536;

const [socket] = v.parse(v.tuple([v.string()]), process.argv.slice(2));
const here = `unix:${socket}`;
const registration = v.pipe(v.string(), v.parseJson(), v.object({ Proposed: v.string() }));

const answers: Readonly<Record<string, (body: string) => object>> = {
  '/Berth.Handshake': () => ({
    Capabilities: { RequiresMACAddress: true, RequiresRequestReplay: false },
    AddressSpaces: { LocalDefaultAddressSpace: 'default', GlobalDefaultAddressSpace: 'default.global' },
    Functions: { Pools: here, Addresses: here, Hosts: here },
  }),
  '/Berth.Register': (body) => ({
    Incarnation: v.parse(registration, body).Proposed,
    Epoch: 1,
    Floor: '000000000',
    HeartbeatSeconds: 600,
    Fresh: false,
  }),
  '/IpamDriver.RequestPool': () => POOL,
  '/IpamDriver.RequestAddress': () => ({ Address: '10.1.0.2/16', Data: {} }),
  '/IpamDriver.ReleaseAddress': () => ({}),
  '/IpamDriver.ReleasePool': () => ({}),
};

const server = createServer((request, response) => {
  void readBody(request, MAX_BODY_BYTES).then((body) => {
    const answer = answers[request.url ?? '']?.(body?.toString() ?? '');
    const text = Buffer.from(JSON.stringify(answer ?? { Error: `no answer to ${request.url ?? ''}` }));
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length }).end(text);
  });
});
// A connection that closes when idle would cost the next call.
server.keepAliveTimeout = 0;
// The stub ends with its parent.
process.once('disconnect', () => process.exit());
server.listen(socket, () => process.send?.({ ready: true, endpoint: here }));
