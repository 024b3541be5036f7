/** A query that is read page by page. */
import type { Page } from './store.ts';

/**
 * Its pages. Each is read only when it is asked for.
 *
 * @param read reads the page after an item: the last one of the page before. `undefined`: the first page.
 */
export async function* pages<T, P extends Page<T>>(read: (last?: T) => Promise<P>): AsyncGenerator<P> {
  let page = await read();
  yield page;
  while (page.more) {
    page = await read(page.items.at(-1));
    yield page;
  }
}
