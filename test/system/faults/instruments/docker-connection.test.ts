/** The connection notices errors that HTTP libraries tolerate. */
import assert from 'node:assert/strict';
import { type Server, createServer } from 'node:http';
import { createServer as createSocketServer } from 'node:net';
import path from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type Folders, temporaryFolders } from '../../../support/berth-process.ts';
import { CutOff, DockerConnection, NotConnected } from '../../../support/docker-connection.ts';
import { mkdirSync } from 'node:fs';

let folders: Folders;

beforeEach(() => {
  folders = temporaryFolders();
  mkdirSync(folders.data);
});

afterEach(() => {
  folders.remove();
});

describe("a connection like dockerd's", () => {
  const socket = (): string => path.join(folders.data, 'plugin.sock');

  async function served(server: Server | ReturnType<typeof createSocketServer>, run: () => Promise<void>) {
    await new Promise<void>((resolve) => server.listen(socket(), resolve));
    try {
      await run();
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  }

  const saying = (words: string, andThen: 'end' | 'stay') =>
    createSocketServer((peer) => {
      peer.on('error', () => undefined);
      peer.once('data', () => {
        if (andThen === 'end') peer.end(words);
        else peer.write(words);
      });
    });

  it('carries several calls one after another', async () => {
    const server = createServer((incoming, response) => {
      void readText(incoming).then((body) => {
        const answer = `${incoming.url ?? ''} ${body}`;
        response.writeHead(200, { 'content-length': answer.length }).end(answer);
      });
    });
    await served(server, async () => {
      const connection = await DockerConnection.open(socket());
      assert.deepEqual(await connection.call('/a', 'x'), { status: 200, body: '/a x' });
      assert.deepEqual(await connection.call('/b', ''), { status: 200, body: '/b ' });
      assert.equal(connection.surplus, '');
      connection.close();
    });
  });

  it('notices unrequested bytes', async () => {
    await served(saying('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200', 'end'), async () => {
      const connection = await DockerConnection.open(socket());
      assert.equal((await connection.call('/a', '')).body, '{}');
      assert.equal(connection.surplus, 'HTTP/1.1 200');
      connection.close();
    });
  });

  for (const words of ['', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{']) {
    it(`fails when it ends after "${words.replaceAll('\r\n', ' ')}"`, async () => {
      await served(saying(words, 'end'), async () => {
        const connection = await DockerConnection.open(socket());
        await assert.rejects(connection.call('/a', ''), CutOff);
        assert.equal(connection.isOpen, false);
      });
    });
  }

  it('refuses an answer without a length', async () => {
    await served(saying('HTTP/1.1 200 OK\r\n\r\n{}', 'stay'), async () => {
      const connection = await DockerConnection.open(socket());
      await assert.rejects(connection.call('/a', ''), /no answer that dockerd could read/);
      connection.close();
    });
  });

  it('reports that nothing was sent', async () => {
    await assert.rejects(DockerConnection.open(socket()), NotConnected);
  });
});
