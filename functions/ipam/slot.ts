/**
 * A slot: the state of one address, as one string. The states sort as free < leased < reserved, and all fields but the
 * last have fixed widths, so that one comparison in a condition is enough:
 *
 *   F<released at>.<host tag>.<sequence of the release>
 *   L<ref>.<request key>.<mac>.<endpoint name>
 *   R<ref>.<sequence>
 *
 * An absent slot was never used. A slot has at most 50 bytes, so that a full chunk of sixteen with its sticky tags stays
 * within 1 KB, which is one DynamoDB write unit.
 */
import type { Address } from '../../protocol/address.ts';
import { REQUEST_KEY_WIDTH, SEQUENCE_WIDTH, isRequestKey } from '../../protocol/request-key.ts';
import { type SlotPlace, placeOf } from './chunk.ts';
import { quote } from './quote.ts';
import { REF_NAME_WIDTH, type Ref, isHostTag, isRefName } from './ref.ts';
import type { Store } from './store.ts';
import { UnreadableItem } from './unreadable.ts';

export const SLOT_MAX_BYTES = 50;
const MAC_WIDTH = 8;
const LEASE_BEFORE_NAME = 'L.'.length + REF_NAME_WIDTH + REQUEST_KEY_WIDTH + '..'.length + MAC_WIDTH;
/** What is left for the endpoint's name, which is for people to read and is cut to fit. */
export const NAME_MAX_BYTES = SLOT_MAX_BYTES - LEASE_BEFORE_NAME;

export interface FreeSlot {
  readonly kind: 'free';
  /** ms since the epoch, by the clock of the function that freed it. */
  readonly releasedAt: number;
  readonly hostTag: string;
  readonly sequence: string;
}

export interface LeasedSlot {
  readonly kind: 'leased';
  readonly ref: string;
  readonly requestKey: string;
  /** `aa:bb:cc:dd:ee:ff`, or '' if the engine sent none. */
  readonly mac: string;
  readonly name: string;
}

export interface ReservedSlot {
  readonly kind: 'reserved';
  readonly ref: string;
  readonly sequence: string;
}

export type Slot = FreeSlot | LeasedSlot | ReservedSlot;

export function encodeSlot(slot: Slot): string {
  switch (slot.kind) {
    case 'free':
      return `F${encodeTime(slot.releasedAt)}.${slot.hostTag}.${slot.sequence}`;
    case 'leased':
      return `L${slot.ref}.${slot.requestKey}.${encodeMac(slot.mac)}.${printable(slot.name).slice(0, NAME_MAX_BYTES)}`;
    case 'reserved':
      return `R${slot.ref}.${slot.sequence}`;
  }
}

/** @param text `undefined`: never used. @throws UnreadableItem when it is not a slot. */
export function decodeSlot(text: string): Slot;
export function decodeSlot(text: string | undefined): Slot | undefined;
export function decodeSlot(text: string | undefined): Slot | undefined {
  if (text === undefined) return undefined;
  const [head = '', ...fields] = text.slice(1).split('.');
  const slot = decoders[text.charAt(0)]?.(head, fields);
  if (slot === undefined) throw new UnreadableItem('an address', `not a slot: ${quote(text)}`);
  return slot;
}

/** A slot as it was read. */
export interface SeenSlot {
  readonly place: SlotPlace;
  /** Encoded; `undefined`: never used. */
  readonly value: string | undefined;
  readonly sticky: string | undefined;
}

/** Reads the slot of an address of a pool. */
export async function readSlot(
  store: Store,
  { generation, cidr }: Pick<Ref, 'generation' | 'cidr'>,
  address: Address,
): Promise<SeenSlot> {
  const place = placeOf(generation, cidr, address);
  const [chunk] = await store.readChunks(generation, place.chunk, place.chunk);
  return { place, value: chunk?.slots[place.slot], sticky: chunk?.stickies[place.slot] };
}

/** The MAC is decoded only on demand: people rarely ask for it, and a search decodes slots by the ten thousand. */
const leasedSlot = (ref: string, requestKey: string, mac: string, name: string): LeasedSlot => ({
  kind: 'leased',
  ref,
  requestKey,
  name,
  get mac() {
    return decodeMac(mac);
  },
});

const decoders: Record<string, (head: string, fields: string[]) => Slot | undefined> = {
  F: (head, [hostTag = '', sequence = '', ...rest]) =>
    isTime(head) && isHostTag(hostTag) && isTime(sequence) && rest.length === 0
      ? { kind: 'free', releasedAt: parseInt(head, 36), hostTag, sequence }
      : undefined,
  L: (ref, [requestKey = '', mac = '', ...name]) =>
    isRefName(ref) && isRequestKey(requestKey) && isMac(mac) && name.length > 0
      ? leasedSlot(ref, requestKey, mac, name.join('.'))
      : undefined,
  R: (ref, [sequence = '', ...rest]) =>
    isRefName(ref) && isTime(sequence) && rest.length === 0 ? { kind: 'reserved', ref, sequence } : undefined,
};

/** Every free slot that was released before `time` is smaller than this bound, and every later or taken one is not. */
export const freedBefore = (time: number): string => `F${encodeTime(Math.max(0, time))}`;

/** The leases that a release by `ref` may end: those that its host asked for before it sent the release. */
export const leasesUpTo = (ref: string, sequence: string): readonly [from: string, to: string] => [
  `L${ref}.`,
  `L${ref}.${sequence}`,
];

/**
 * The first character of the sticky tag of an address that was last requested by address: a container relies on it, also
 * while it is free. Other tags consist of letters and digits only.
 */
export const GIVEN_MARK = '!';

/** Whether a slot's last holder requested this very address, by its sticky tag. */
export const wasGiven = (sticky: string | undefined): boolean => sticky?.startsWith(GIVEN_MARK) === true;

export const encodeTime = (milliseconds: number): string =>
  Math.floor(milliseconds).toString(36).padStart(SEQUENCE_WIDTH, '0');

const isTime = (text: string): boolean => text.length === SEQUENCE_WIDTH && /^[0-9a-z]+$/.test(text);

const printable = (text: string): string => text.replace(/[^\x21-\x7e]/gu, '?');

// 48 bits are exactly eight digits of base 64 (the alphabet of RFC 4648 §5); tildes stand for no MAC.
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const NO_MAC = '~~~~~~~~';

const isMac = (text: string): boolean => text === NO_MAC || /^[\w-]{8}$/.test(text);

function encodeMac(mac: string): string {
  if (mac === '') return NO_MAC;
  const value = BigInt(`0x${mac.replaceAll(':', '')}`);
  return Array.from({ length: MAC_WIDTH }, (_, i) =>
    DIGITS.charAt(Number((value >> BigInt(6 * (MAC_WIDTH - 1 - i))) & 63n)),
  ).join('');
}

function decodeMac(text: string): string {
  if (text === NO_MAC) return '';
  const digits = Array.from({ length: MAC_WIDTH }, (_, i) => BigInt(DIGITS.indexOf(text.charAt(i))));
  const value = digits.reduce((sum, digit) => (sum << 6n) | digit, 0n);
  return value
    .toString(16)
    .padStart(12, '0')
    .replace(/..(?!$)/g, '$&:');
}
