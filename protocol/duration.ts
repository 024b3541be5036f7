/** Times as operators write them: `30s`, `10m`, `12h`, `7d`. */

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;

/** In ms. `undefined`: the text is not a time. */
export function parseDuration(text: string): number | undefined {
  const [, number = '', unit = ''] = /^(\d{1,9})(ms|[smhd])$/.exec(text) ?? [];
  const size = UNITS.find(([name]) => name === unit)?.[1];
  return size === undefined ? undefined : Number(number) * size;
}

/** In the largest unit of which it is a whole number. */
export function durationText(milliseconds: number): string {
  const [unit, size] = UNITS.find(([, size]) => milliseconds !== 0 && milliseconds % size === 0) ?? ['ms', 1];
  return `${milliseconds / size}${unit}`;
}
