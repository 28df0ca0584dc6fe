/** Longer answers are not kept: when their engine gives them back, they end. */
const MAX_MADE = 1024 * 1024;

/** Token ids in an answer; a quote that no backslash precedes cannot stand within a string. */
const IDS = /(?<!\\)"(prompt_token_ids|token_ids)":\[([^\]"]*)\]/g;
/** What nobody sees: of a control token, of a character that is not whole yet, of what a parser holds back. */
const INVISIBLE =
  /(?<!\\)"(?:text":""|delta":\{(?:"(?:role|content|reasoning|reasoning_content)":(?:""|null),?)*\})/;
/** What somebody sees. */
const VISIBLE = /(?<!\\)"(?:text|content|reasoning|reasoning_content)":"[^"]/;

/** The tokens of one sequence, as its engine tells them: what it takes to have another one go on behind them. */
export class History {
  /** Ids as they are written, without the brackets. */
  #prompt: string | undefined;
  readonly #made: number[] = [];
  /** How many of the made tokens the client has all text of, as far as that shows. */
  #shown = 0;
  /** How many came with the last one of them: within several a text may end that is held back. */
  #together = 0;
  /** There are too many of them, or not all were told. */
  #isLost = false;
  /** What the prompt of the answer that comes has to be. */
  #due: string | undefined;

  get length(): number {
    return this.#made.length;
  }

  /** Whether nothing is missing. */
  get isKept(): boolean {
    return this.#prompt !== undefined && !this.#isLost;
  }

  get hasUnseen(): boolean {
    return this.#made.length > this.#shown;
  }

  /** Whether the last tokens may have text that the client has not. */
  get isUncertain(): boolean {
    return this.#together > 1;
  }

  last(count: number): number[] {
    return this.#made.slice(-count);
  }

  /** All ids, the prompt's before those that were made. */
  get ids(): string {
    return this.#made.length === 0 ? (this.#prompt ?? "") : `${this.#prompt},${this.#made.join()}`;
  }

  /** The ids that are told to a client that has asked for them. */
  get prompt(): string {
    return this.#prompt ?? "";
  }

  get made(): string {
    return this.#made.join();
  }

  /** An answer is to begin whose prompt is all that is known. */
  expect(): void {
    this.#due = this.#prompt === undefined ? undefined : this.ids;
    this.#together = 0;
  }

  /** Forgets what the client has not seen, or the last `count`, so that they are made anew. */
  cut(count = this.#made.length - this.#shown): void {
    this.#made.length -= count;
    this.#shown = this.#made.length;
  }

  clear(): void {
    this.#made.length = 0;
    this.#prompt = undefined;
    this.#due = undefined;
    this.#shown = 0;
    this.#together = 0;
    this.#isLost = false;
  }

  /**
   * Reads the ids in `text`, an event or an answer in latin1. Gives it as it would have been without them; with
   * `areWanted` only those of a prompt that is no client's are taken out. With the end of what `isBack` may come text that
   * was held back, without its tokens. Throws what `wrong` gives for another prompt than was asked for.
   */
  take(text: string, areWanted: boolean, isBack: boolean, wrong: () => Error): string {
    let count = 0;
    const bare = text.replace(IDS, (whole: string, key: string, ids: string) => {
      if (key === "token_ids") {
        count += this.#add(ids);
        return areWanted ? whole : '"token_ids":null';
      }
      const isFirst = this.#prompt === undefined;
      const tidy = ids.includes(" ") ? ids.replaceAll(" ", "") : ids;
      if (isFirst) this.#prompt = tidy;
      else if (this.#due !== undefined && tidy !== this.#due) throw wrong();
      this.#due = undefined;
      return areWanted && isFirst ? whole : '"prompt_token_ids":null';
    });
    // Behind the first tokens nothing tells any more what they were made from.
    const isVisible = count > 0 ? !INVISIBLE.test(text) : !isBack && VISIBLE.test(text);
    if (this.#due !== undefined && (count > 0 || isVisible)) throw wrong();
    if (isVisible && count === 0) this.#isLost = true;
    if (isVisible && count > 0) {
      this.#shown = this.#made.length;
      this.#together = count;
    }
    return bare;
  }

  #add(ids: string): number {
    if (ids === "") return 0;
    const all = ids.includes(",") ? ids.split(",") : [ids];
    if (this.#made.length + all.length > MAX_MADE) {
      this.clear();
      this.#isLost = true;
    }
    if (!this.#isLost) for (const id of all) this.#made.push(Number(id));
    return all.length;
  }
}
