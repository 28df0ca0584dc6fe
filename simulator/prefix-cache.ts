import { hash } from "node:crypto";

/** Whose KV cache it is, and what is in it. */
export interface PromptKv {
  readonly promptHash: string;
  /** What is answered from it. */
  readonly sampleHash: string;
  /** Identifies all of the prompt's tokens. */
  readonly content: string;
  /** For each full block, identifies its tokens and those before it. */
  readonly blocks: readonly string[];
}

export function promptKv(
  promptHash: string,
  sampleHash: string,
  tokens: readonly string[],
  blockSize: number,
): PromptKv {
  const blocks: string[] = [];
  let content = "";
  for (let start = 0; start < tokens.length; start += blockSize) {
    const block = tokens.slice(start, start + blockSize);
    content = hash("sha256", JSON.stringify([content, block]));
    if (block.length === blockSize) blocks.push(content);
  }
  return { promptHash, sampleHash, content, blocks };
}

/**
 * What the full blocks of a prompt are known by in a prefix cache. Never all of it: as in vLLM the last token is computed, since
 * the first of the answer comes of it.
 */
export function cacheableBlocks(
  { tokens, cacheSalt }: { readonly tokens: readonly string[]; readonly cacheSalt: string },
  blockSize: number,
): string[] {
  const blocks: string[] = [];
  let before = cacheSalt;
  for (let end = blockSize; end < tokens.length; end += blockSize) {
    before = hash("sha1", `${before} ${tokens.slice(end - blockSize, end).join(" ")}`, "base64");
    blocks.push(before);
  }
  return blocks;
}

/** The wrong part of a prefix cache: blocks that are kept for one prompt and hold another's KV cache. None is evicted. */
export class WrongBlocks {
  /** By block, what is answered from it. */
  readonly #answers = new Map<string, string>();

  /**
   * Takes what was loaded for a sequence into the prefix cache. Gives the hash of the sample that is its answer: its
   * own, or that of the prompt whose KV cache is in a block of its prompt.
   */
  take(own: PromptKv, loaded: PromptKv): string {
    const cached = own.blocks.map((block) => this.#answers.get(block)).find((answer) => answer !== undefined);
    if (cached !== undefined) return cached;
    if (loaded.promptHash === own.promptHash || loaded.content === own.content) return own.sampleHash;
    own.blocks.forEach((block, index) => {
      if (block !== loaded.blocks[index]) this.#answers.set(block, loaded.sampleHash);
    });
    return loaded.sampleHash;
  }
}
