/** The export as one JSON document, written as it is read. `berth import` reads the settings of its spaces. */
import type { PoolUse } from '../../protocol/viewer-messages.ts';
import { addressPages, holderPages, hostPages, oneSpace, poolPages } from './fleet-pages.ts';
import { toJson } from './output.ts';
import { spaceJson } from './space.ts';
import { type Viewer, jsonOf } from './viewer.ts';

export interface Scope {
  readonly view: Viewer;
  readonly spaces: readonly string[];
  /** Hosts belong to no space: an export of one space leaves them out. */
  readonly withHosts: boolean;
}

/** @param at when the export began, ISO 8601 */
export async function* jsonText({ view, spaces, withHosts }: Scope, at: string): AsyncGenerator<string> {
  // Written with the first space: what is refused writes nothing.
  let head = `${toJson({ exportedAt: at }).slice(0, -1)},"spaces":[`;
  for (const name of spaces) {
    const space = JSON.stringify(spaceJson(await oneSpace(view, name)));
    yield `${head}\n${space.slice(0, -1)},"pools":[`;
    head = ',';
    let separator = '\n';
    for await (const pools of poolPages(view, name)) {
      for (const pool of pools) {
        yield separator;
        yield* poolText(view, pool);
        separator = ',\n';
      }
    }
    yield ']}';
  }
  yield ']';
  if (withHosts) {
    yield ',"hosts":';
    yield* listText(hostPages(view));
  }
  yield '}\n';
}

async function* poolText(view: Viewer, pool: PoolUse): AsyncGenerator<string> {
  yield `${JSON.stringify(jsonOf(pool)).slice(0, -1)},"holders":`;
  yield* listText(holderPages(view, pool));
  yield ',"addresses":';
  yield* listText(addressesOf(view, pool));
  yield '}';
}

async function* addressesOf(view: Viewer, pool: PoolUse) {
  for await (const { Addresses } of addressPages(view, pool)) yield Addresses;
}

async function* listText(pages: AsyncIterable<readonly object[]>): AsyncGenerator<string> {
  let separator = '[';
  for await (const page of pages) {
    for (const item of page) {
      yield separator + JSON.stringify(jsonOf(item));
      separator = ',\n';
    }
  }
  yield separator === '[' ? '[]' : ']';
}
