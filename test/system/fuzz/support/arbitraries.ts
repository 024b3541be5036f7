/** Random input: valid and invalid texts, JSON and messages. */
import fc from 'fast-check';

const NASTY_TEXTS = [
  ...['', ' ', '\0', '\r\n', 'a\nb', '\t', '\x7f', '\x1b[31m', '\x9b31m', '\u2028', '\u202e', '\ufeff', '\ufffd'],
  ...['\ud800', '\udfff\ud800', '__proto__', 'constructor', 'toString', 'null', 'NaN', '-1', '1e309', '0x10'],
  ...['10.0.0.0/24', '10.0.0.0/024', '10.0.0.0/-1', '10.0.0.0/99999999999999999999', '0.0.0.0/0', '::/0', '::/129'],
  ...['256.1.1.1', '1.2.3', '::ffff:10.0.0.1', '1::2::3', 'fe80::1%eth0', '١٠.0.0.1', '10。0。0。1', '10.0.0.1\n'],
  ...['../../etc/passwd', '%00', '${jndi:x}', "' OR 1=1 --", 'berth1,,,,,,,,,', 'F.', 'L.', 'pool#', 'space#a', '#pk'],
];

const anyCodeUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 30 })
  .map((units) => String.fromCharCode(...units));

const longText = fc
  .tuple(
    fc.constantFrom('x', '\0', 'é', '\ud800', '🚢', '"'),
    fc.constantFrom(63, 64, 128, 129, 256, 257, 2_048, 2_049),
  )
  .map(([unit, count]) => unit.repeat(count));

/** Texts of any length and any characters, including half surrogates, with a preference for troublesome ones. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  anyCodeUnits,
  longText,
  { weight: 3, arbitrary: fc.constantFrom(...NASTY_TEXTS) },
);

/** Numbers as JSON spells them; most do not fit a double. */
const anyNumber = fc.constantFrom(
  ...['1e400', '-1e400', '1e-400', '-0', '-1', '0.1', '2147483648', '9007199254740993', '18446744073709551616'],
  ...['9'.repeat(400), `0.${'0'.repeat(400)}1`],
);

const deep = fc
  .tuple(fc.constantFrom(['[', ']'], ['{"a":', '}']), fc.constantFrom(1, 2, 100, 5_000))
  .map(([[open = '', close = ''], depth]) => open.repeat(depth) + (open === '[' ? '' : '1') + close.repeat(depth));

/** A JSON value of any kind, as text. */
export const anyJson: fc.Arbitrary<string> = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value)),
  anyText.map((text) => JSON.stringify(text)),
  anyNumber,
  fc.constantFrom('null', 'true', 'false', '[]', '{}', '[null]', '[""]'),
  deep,
);

/** The fields of a message, each with the values, as JSON, that a valid request has there. */
export type Fields = Readonly<Record<string, fc.Arbitrary<string>>>;

/** Mostly valid; sometimes missing, duplicated, of another type, or next to unknown fields. */
export function messageOf(fields: Fields): fc.Arbitrary<string> {
  const known = Object.entries(fields).map(([key, sound]) => occurrences(key, sound));
  const name = fc.oneof(fc.constantFrom(...NAMES_OF_EVERY_OBJECT, ...Object.keys(fields)), anyText);
  const unknown = fc.array(fc.tuple(name, anyJson), { maxLength: 2 });
  return fc
    .tuple(fc.tuple(...known), unknown)
    .chain(([inner, extra]) => {
      const entries = [...inner.flat(), ...extra];
      return fc.shuffledSubarray(entries, { minLength: entries.length });
    })
    .map((entries) => `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`);
}

const NAMES_OF_EVERY_OBJECT = ['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString'];

type Entry = [name: string, value: string];

const occurrences = (name: string, sound: fc.Arbitrary<string>): fc.Arbitrary<Entry[]> =>
  fc.oneof(
    { weight: 14, arbitrary: sound.map((value): Entry[] => [[name, value]]) },
    { weight: 1, arbitrary: anyJson.map((value): Entry[] => [[name, value]]) },
    { weight: 1, arbitrary: fc.constant<Entry[]>([]) },
  );

/** Docker's options: `null`, or keys and texts, of which some mean something to Berth. */
export const optionsOf = (values: Readonly<Record<string, readonly string[]>>): fc.Arbitrary<string> => {
  const known = Object.entries(values).map(([key, sound]) =>
    fc.tuple(
      fc.constant(key),
      fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...sound) }, { weight: 1, arbitrary: anyText }),
    ),
  );
  const unknown = fc.tuple(
    fc.oneof(
      anyText,
      anyText.map((text) => `berth.${text}`),
    ),
    anyText,
  );
  const option = fc.oneof(...known.map((arbitrary) => ({ weight: 4, arbitrary })), unknown);
  return fc.oneof(
    fc.constantFrom('null', '{}'),
    fc.array(option, { maxLength: 4 }).map((entries) => JSON.stringify(Object.fromEntries(entries))),
  );
};

/** Texts as JSON. */
export const texts = (...values: readonly string[]): fc.Arbitrary<string> =>
  fc.constantFrom(...values.map((value) => JSON.stringify(value)));

export const bytesOf = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));

/** A body as Lambda passes binary data. */
export const inBase64 = (bytes: Buffer) => ({ body: bytes.toString('base64'), isBase64Encoded: true });
