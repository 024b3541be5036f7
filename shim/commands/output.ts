/** What commands print on standard output: text for people, or with `--json` one line of JSON for programs. */

/** Of the form of all JSON that commands print. A new version may rename or remove fields; fields may be added at any time. */
const JSON_VERSION = 1;

export interface OutputOptions {
  readonly json?: boolean | undefined;
}

/** @param answer the fields of the JSON. */
export function print({ json = false }: OutputOptions, answer: object, text: string): void {
  console.log(json ? toJson(answer) : text);
}

export const toJson = (answer: object): string => JSON.stringify({ version: JSON_VERSION, ...answer });
