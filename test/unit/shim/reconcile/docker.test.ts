/** Docker's valid answers and its faulty ones: nothing is concluded from an incomplete answer. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import path from 'node:path';
import { type TestContext, describe, it } from 'node:test';
import { Docker, DockerError, type Watch } from '../../../../shim/reconcile/docker-api.ts';
import { limit } from '../../../support/deadlines.ts';
import { UnixListener } from '../../../support/unix-listener.ts';
import { settled } from '../steered-time.ts';
import { temporaryFolder } from '../temporary.ts';

type Answer = (response: ServerResponse) => void;

/** ms: in place of half a minute in production. */
const TIMEOUT = 200;
const LONG = 15_000;
/** Turns of the event loop. */
const MOST_TURNS = 10_000;

const says =
  (body: unknown, status = 200): Answer =>
  (response) =>
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
const hangs: Answer = () => undefined;
const hangsWithin: Answer = (response) => response.writeHead(200).write('[');

/** A stand-in for dockerd that answers by path. */
async function dockerd(t: TestContext, answers: Readonly<Record<string, Answer>>): Promise<Docker> {
  const socket = path.join(await temporaryFolder(t), 'docker.sock');
  const listener = await UnixListener.open(socket, ({ url = '' }, response) => {
    (answers[url.replace(/\?.*/, '')] ?? says({ message: 'no such thing' }, 404))(response);
  });
  t.after(() => listener.close());
  // Short where the test waits for it, and elsewhere so long that it does not matter, however busy the machine is.
  const isSilent = Object.values(answers).some((answer) => answer === hangs || answer === hangsWithin);
  return new Docker(socket, isSilent ? TIMEOUT : LONG);
}

const IPAM = {
  Driver: 'berth',
  Config: [{ Subnet: '10.1.0.0/24', Gateway: '10.1.0.1/24', AuxiliaryAddresses: { router: '10.1.0.9' } }],
};
const listed = (id: string, changes: object = {}) => ({ Id: id, Name: `net ${id}`, IPAM, ...changes });
const Containers = {
  c1: {
    Name: 'web',
    EndpointID: 'e1',
    MacAddress: '02:42:AC:11:00:02',
    IPv4Address: '10.1.0.2/24',
    IPv6Address: '',
  },
};

const refused = (operation: Promise<unknown>, words: RegExp): Promise<void> =>
  assert.rejects(operation, (error) => error instanceof DockerError && words.test(error.message));

describe('the networks of Docker', { timeout: limit(20_000) }, () => {
  it('are those with a subnet, with every endpoint that has an address there', async (t) => {
    const docker = await dockerd(t, {
      '/networks': says([listed('a'), listed('host', { IPAM: { Driver: 'default', Config: null } })]),
      '/networks/a': says(listed('a', { Containers })),
    });
    assert.deepEqual(await docker.networks(), [
      {
        id: 'a',
        name: 'net a',
        ipam: 'berth',
        isRemote: true,
        isOfSwarm: false,
        subnets: [{ subnet: '10.1.0.0/24', gateway: '10.1.0.1', auxiliary: ['10.1.0.9'] }],
        endpoints: [{ id: 'e1', name: 'web', mac: '02:42:ac:11:00:02', addresses: ['10.1.0.2'] }],
      },
    ]);
  });

  it('leave out a network that was removed after it was listed', async (t) => {
    const docker = await dockerd(t, {
      '/networks': says([listed('gone'), listed('a')]),
      '/networks/a': says(listed('a')),
    });
    assert.deepEqual(
      (await docker.networks()).map(({ id }) => id),
      ['a'],
    );
  });

  const list = says([listed('a')]);
  const cases: readonly [what: string, answers: Readonly<Record<string, Answer>>, words: RegExp][] = [
    ['fails', { '/networks': says([], 500) }, /^Docker answered HTTP 500 to \/networks: \[\]$/],
    ['fails for one network', { '/networks': list, '/networks/a': says('oh', 500) }, /HTTP 500 to \/networks\/a: oh/],
    ['breaks off in its JSON', { '/networks': says('[{"Id":') }, /HTTP 200 to \/networks: \[\{"Id":$/],
    ['answers something else', { '/networks': says({ Id: 'a' }) }, /HTTP 200 to \/networks: /],
    ['is not there', { '/networks': says('', 404) }, /^Docker does not know \/networks$/],
    [
      'does not answer',
      { '/networks': hangs },
      /^Docker cannot be queried at .*docker\.sock: no complete answer within 0\.2 s$/,
    ],
    ['stops in mid-answer', { '/networks': hangsWithin }, /: no complete answer within 0\.2 s$/],
  ];
  for (const [what, answers, words] of cases) {
    it(`are unknown when it ${what}`, async (t) => {
      await refused((await dockerd(t, answers)).networks(), words);
    });
  }

  it('are unknown where no process listens', async (t) => {
    const docker = new Docker(path.join(await temporaryFolder(t), 'none.sock'));
    await refused(docker.networks(), /^Docker cannot be queried at .*none\.sock: connect ENOENT/);
    await refused(docker.watch(), /^Docker cannot be queried at .*none\.sock: connect ENOENT/);
  });
});

async function over(watch: Watch): Promise<void> {
  for (let turns = 0; turns < MOST_TURNS && !watch.isOver; turns++) await settled();
  assert.equal(watch.isOver, true);
}

describe('the watch of one run of dockerd', { timeout: limit(20_000) }, () => {
  it('ends with its stream of events', async (t) => {
    const streams: ServerResponse[] = [];
    const docker = await dockerd(t, {
      '/events': (response) => {
        response.writeHead(200).flushHeaders();
        streams.push(response);
      },
    });
    const watch = await docker.watch();
    assert.equal(watch.isOver, false);
    const [stream] = streams;
    stream?.destroy();
    await over(watch);
    const other = await docker.watch();
    assert.equal(other.isOver, false, 'another watch has begun');
    other.close();
    assert.equal(other.isOver, true);
  });

  it('fails when dockerd refuses the stream, or does not answer', async (t) => {
    await refused((await dockerd(t, { '/events': says('', 500) })).watch(), /^Docker answered HTTP 500$/);
    await refused((await dockerd(t, { '/events': hangs })).watch(), /: no complete answer within 0\.2 s$/);
  });
});
