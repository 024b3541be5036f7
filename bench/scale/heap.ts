/** A binary heap: no dependency offers one. */
export class Heap<T> {
  readonly #items: T[] = [];
  readonly #isBefore: (one: T, other: T) => boolean;

  constructor(isBefore: (one: T, other: T) => boolean) {
    this.#isBefore = isBefore;
  }

  push(item: T): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    for (let parent = (at - 1) >> 1; at > 0 && this.#precedes(item, parent); parent = (at - 1) >> 1) {
      this.#move(parent, at);
      at = parent;
    }
    items[at] = item;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  pop(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return first;
    let at = 0;
    for (let child = this.#smallestChild(at); child !== undefined; child = this.#smallestChild(at)) {
      if (this.#precedes(last, child)) break;
      this.#move(child, at);
      at = child;
    }
    items[at] = last;
    return first;
  }

  #smallestChild(at: number): number | undefined {
    const [left, right] = [this.#items[2 * at + 1], this.#items[2 * at + 2]];
    if (left === undefined) return undefined;
    return right !== undefined && this.#isBefore(right, left) ? 2 * at + 2 : 2 * at + 1;
  }

  #precedes(item: T, at: number): boolean {
    const other = this.#items[at];
    return other !== undefined && this.#isBefore(item, other);
  }

  #move(from: number, to: number): void {
    const item = this.#items[from];
    if (item !== undefined) this.#items[to] = item;
  }
}
