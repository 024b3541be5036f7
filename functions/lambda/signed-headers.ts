/**
 * AWS requires that `host` and `x-amz-…` are signed, and accepts any other header unsigned: a proxy on the way could add
 * one of ours. The shim signs every header that it sends.
 */
import { clip } from '../ipam/quote.ts';
import { Refusal } from '../ipam/refusal.ts';

/**
 * @param headers with names in lower case, as Lambda passes them. Without `authorization` there is nothing to check here:
 * AWS has checked a signature of another form.
 * @throws Refusal when a header of ours is not signed.
 */
export function refuseUnsigned(headers: Readonly<Record<string, string | undefined>>): void {
  const [, list] = /\bSignedHeaders=([^,\s]*)/.exec(headers['authorization'] ?? '') ?? [];
  if (list === undefined) return;
  const signed = new Set(list.split(';'));
  const loose = Object.keys(headers).find((name) => name.startsWith('berth-') && !signed.has(name));
  if (loose === undefined) return;
  throw new Refusal(
    'unsigned-header',
    `the header ${clip(loose, 40)} is not signed, so it may have been added on the way; sign every berth- header`,
  );
}
