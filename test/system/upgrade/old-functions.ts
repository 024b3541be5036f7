/** Functions of a released version, as far as their answers were recorded. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as v from 'valibot';
import { openKeyring } from '../../../infra/local/keyring.ts';
import { type Verdict, judgeAnswer } from '../../../shim/cloud/verdict.ts';
import { parseEndpoint } from '../../../shim/endpoint.ts';
import { UnixListener } from '../../support/unix-listener.ts';
import type { Exchange } from './fixture.ts';

/** A field that no version knows yet. */
export const ADDED = { Future: { Some: ['thing'] }, Later: 1 };
export const ADDED_HEADER = { 'berth-future': 'some thing' };

export const object = v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.unknown()));

export const isOfDocker = ({ path: asked, answerHeaders }: Exchange): boolean =>
  asked.startsWith('/IpamDriver.') && answerHeaders['berth-refusal'] === undefined;

/** The first granted call of a method represents all. */
export function granted(exchanges: readonly Exchange[], asked: string): Exchange {
  const found = exchanges.find(
    ({ path: of, answerHeaders }) => of === asked && answerHeaders['berth-refusal'] === undefined,
  );
  return found ?? assert.fail(`no ${asked} was ever granted`);
}

const withMore = (answer: string, more: object | undefined): string =>
  JSON.stringify({ ...v.parse(object, answer), ...more });

export function judged(exchanges: readonly Exchange[], asked: string, more: object | undefined): Verdict {
  const { status, answerHeaders: headers, answer } = granted(exchanges, asked);
  return judgeAnswer('own', parseEndpoint('unix:/old'), { status, headers, body: withMore(answer, more) });
}

export interface Answering {
  readonly folder: string;
  /** The URL of the capabilities function, and the URL of all others. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Replaces the functions: each method gets its recorded answer. */
export async function answering(exchanges: readonly Exchange[], more: object | undefined): Promise<Answering> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'berth-'));
  const socket = path.join(folder, 'old.sock');
  openKeyring(folder);
  const here = {
    Pools: `unix:${socket}`,
    Addresses: `unix:${socket}`,
    Hosts: `unix:${socket}`,
    Console: `unix:${socket}`,
  };
  const listener = await UnixListener.open(socket, (request, response) => {
    request.resume();
    const { url = '' } = request;
    const { status, answerHeaders, answer } = granted(exchanges, url);
    const moved = url === '/Berth.Handshake' ? JSON.stringify({ ...v.parse(object, answer), Functions: here }) : answer;
    response.writeHead(status, { ...answerHeaders, ...(more && ADDED_HEADER) }).end(withMore(moved, more));
  });
  const stop = async (): Promise<void> => {
    await listener.close();
    rmSync(folder, { recursive: true });
  };
  return { folder, endpoint: `unix:${socket}`, stop };
}
