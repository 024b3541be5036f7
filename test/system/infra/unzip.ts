import assert from 'node:assert/strict';
import { crc32, inflateRawSync } from 'node:zlib';

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LOCAL_HEADER_BYTES = 30;

/**
 * The only file of a zip. It is read by the format's specification (APPNOTE.TXT 4.3), not by the library that wrote it,
 * and asserts that Lambda cannot read the zip differently.
 */
export function unzipOnly(zip: Buffer): { name: string; bytes: Buffer; mode: number } {
  const end = zip.length - 22;
  assert.equal(zip.readUInt32LE(end), END_OF_DIRECTORY, 'no comment, so the end record is last');
  assert.equal(zip.readUInt16LE(end + 10), 1, 'one entry');

  const entry = zip.readUInt32LE(end + 16);
  assert.equal(zip.readUInt32LE(entry), DIRECTORY_ENTRY);
  assert.equal(zip.readUInt16LE(entry + 10), 8, 'deflated');
  const nameBytes = zip.readUInt16LE(entry + 28);
  const name = zip.toString('utf8', entry + 46, entry + 46 + nameBytes);

  const local = zip.readUInt32LE(entry + 42);
  const data = local + LOCAL_HEADER_BYTES + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  const bytes = inflateRawSync(zip.subarray(data, data + zip.readUInt32LE(entry + 20)));
  assert.equal(bytes.length, zip.readUInt32LE(entry + 24));
  assert.equal(crc32(bytes), zip.readUInt32LE(entry + 16));
  return { name, bytes, mode: zip.readUInt32LE(entry + 38) >>> 16 };
}
