/** What can be in one bag at a time. */
export interface Bagged {
  /** Its index there, or -1. Only the bag writes it. */
  place: number;
}

/**
 * Things in no order that come and go with each request. Not a Set: the tables that a growing Set leaves behind keep
 * whole requests alive until the next full garbage collection.
 */
export class Bag<T extends Bagged> {
  readonly items: T[] = [];

  add(item: T): void {
    if (item.place === -1) item.place = this.items.push(item) - 1;
  }

  /** The last one takes its place: whoever goes through `items` and removes some goes backwards. */
  remove(item: T): void {
    if (item.place === -1) return;
    const last = this.items.pop();
    if (last !== undefined && last !== item) {
      this.items[item.place] = last;
      last.place = item.place;
    }
    item.place = -1;
  }
}
