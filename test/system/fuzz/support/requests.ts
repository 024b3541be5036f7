/** Requests as they go over the wire: valid ones, and ones with a single error. */
import { inChunks, requestText } from './raw.ts';

export const POST = 'POST /IpamDriver.RequestPool HTTP/1.1';
/** Carried out however often it arrives. */
export const SOUND = JSON.stringify({
  AddressSpace: 'default',
  Pool: '10.2.0.0/16',
  SubPool: '',
  Options: null,
  V6: false,
});

type Requests = Readonly<Record<string, readonly (Buffer | string)[]>>;

/** Valid except for one error. */
export const UNSOUND: Requests = {
  'another method: GET': [requestText(POST.replace('POST', 'GET'), SOUND)],
  'another method: PUT': [requestText(POST.replace('POST', 'PUT'), SOUND)],
  'another method: DELETE': [
    requestText(POST.replace('POST', 'DELETE'), inChunks(SOUND), ['Transfer-Encoding: chunked']),
  ],
  'a method in small letters': [requestText(POST.replace('POST', 'post'), SOUND)],
  'an absolute URL': [requestText(POST.replace('/Ipam', 'http://x/Ipam'), SOUND)],
  'a query': [requestText(POST.replace(' HTTP', '?x=1 HTTP'), SOUND)],
  'no length and no chunks': [requestText(POST, SOUND, [])],
  'length and chunks': [requestText(POST, inChunks(SOUND), ['Transfer-Encoding: chunked', 'Content-Length: 5'])],
  'two lengths': [requestText(POST, SOUND, [`Content-Length: ${SOUND.length}`, 'Content-Length: 5'])],
  'a negative length': [requestText(POST, SOUND, ['Content-Length: -1'])],
  'a huge length': [requestText(POST, SOUND, [`Content-Length: ${'9'.repeat(30)}`])],
  'a length that is not a number': [requestText(POST, SOUND, ['Content-Length: 0x10'])],
  'a chunk that is too long': [requestText(POST, `ffffffffffffffffff\r\n${SOUND}`, ['Transfer-Encoding: chunked'])],
  'a line feed alone in a header': [requestText(POST, SOUND, [`X: a\nContent-Length: ${SOUND.length}`])],
  'a carriage return alone in a header': [requestText(POST, SOUND, [`X: a\rY: b`, `Content-Length: ${SOUND.length}`])],
  'a NUL in a header': [requestText(POST, SOUND, ['X: \0', `Content-Length: ${SOUND.length}`])],
  'a header without a name': [requestText(POST, SOUND, [': x', `Content-Length: ${SOUND.length}`])],
  'a blank before the colon': [requestText(POST, SOUND, [`Content-Length : ${SOUND.length}`])],
  'unlimited headers': [requestText(POST, SOUND, [`X: ${'x'.repeat(100_000)}`, `Content-Length: ${SOUND.length}`])],
  'an unknown expectation': [requestText(POST, SOUND, ['Expect: more', `Content-Length: ${SOUND.length}`])],
  'a request within': [requestText(POST, requestText(POST, SOUND))],
  'a body over the limit': [requestText(POST, SOUND.padEnd(65_537))],
  'chunks over the limit': [
    requestText(POST, inChunks(...Array.from({ length: 70 }, () => ' '.repeat(1_000)), SOUND), [
      'Transfer-Encoding: chunked',
    ]),
  ],
};

/** Odd, but HTTP allows it. */
export const SOUND_ALL_THE_SAME: Requests = {
  'with nothing odd': [requestText(POST, SOUND)],
  'in chunks': [requestText(POST, inChunks(SOUND.slice(0, 9), SOUND.slice(9)), ['Transfer-Encoding: chunked'])],
  'byte by byte': Array.from(requestText(POST, SOUND), (byte) => Buffer.of(byte)),
  'asked for before it is sent': [
    requestText(POST, SOUND, ['Expect: 100-continue', `Content-Length: ${SOUND.length}`]),
  ],
  'with headers of its own': [
    requestText(POST, SOUND, [`X: ${'x'.repeat(14_000)}`, `Content-Length: ${SOUND.length}`]),
  ],
  'of HTTP/1.0': [requestText(POST.replace('1.1', '1.0'), SOUND)],
  'that would change the protocol': [
    requestText(POST, SOUND, ['Upgrade: websocket', `Content-Length: ${SOUND.length}`]),
  ],
  'up to the limit': [requestText(POST, SOUND.padEnd(65_536))],
};
