/**
 * `names.ts ADDRESS`: a name server that resolves every name to ADDRESS, or to 127.0.0.1 for a client on that address, so
 * no other server is ever asked.
 */
import { createSocket } from 'node:dgram';

const [, , lanAddress = '127.0.0.1'] = process.argv;

/** From RFC 1035: the length of a header, and the flags of an authoritative answer. */
const HEADER = 12;
const ANSWER = 0x8580;
const TYPE_A = 1;
/** s */
const TTL = 5;

/** Repeats the question. A question for an IPv4 address gets one answer, all others none. */
function answerTo(query: Buffer, address: string): Buffer {
  let end = HEADER;
  while ((query[end] ?? 0) !== 0) end += (query[end] ?? 0) + 1;
  const isAsked = query.readUInt16BE(end + 1) === TYPE_A;
  const header = Buffer.alloc(HEADER);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(ANSWER, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(isAsked ? 1 : 0, 6);
  const question = query.subarray(HEADER, end + 5);
  // 0xc0: the same name as in the question.
  const answer = [0xc0, HEADER, 0, TYPE_A, 0, 1, 0, 0, 0, TTL, 0, 4, ...address.split('.').map(Number)];
  return Buffer.concat([header, question, ...(isAsked ? [Buffer.from(answer)] : [])]);
}

const socket = createSocket('udp4');
socket.on('message', (query, { port, address: asker }) => {
  socket.send(answerTo(query, asker.startsWith('127.') ? '127.0.0.1' : lanAddress), port, asker);
});
socket.bind(53, '0.0.0.0', () => {
  console.log('ready');
});
