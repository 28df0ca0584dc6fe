/**
 * string-end.wat in binary. Sixteen bytes are compared by one instruction there, which JavaScript has no way to say: a
 * prompt of quotes, line feeds or `\u` is gone through as fast as it can be copied, and a tenth of what a loop takes.
 */
export const PROGRAM =
  "AGFzbQEAAAABFANgAn9/AX5gA3t/fgF+YAJ/fgF/AwQDAAECBQMBAAIHEQIGbWVtb3J5AgAEZmluZAACCs8BAzUAIAD9AAQAIAFCABABIAD9AAQQ" +
  "IAFCEBABhCAA/QAEICABQiAQASAA/QAEMCABQjAQAYSECxAAIAAgAf0P/SP9ZK0gAoYLhQECAX8EfgNAIAJBIhAAIQMgAkHcABAAIQQgBCABQn+F" +
  "gyEFIAVCAYZCqtWq1arVqtWqf4QgBX1CqtWq1arVqtWqf4UhBiADIAYgBCABhIVCf4WDIQMgA0IAUgRAIAIgA3qnag8LIAYgBINCP4ghASACQcAA" +
  "aiECIAIgAEkNAAtBfyABp2sL";

/** Bytes that are looked at in one go; they have to be copied for it. */
export const BLOCK = 64 * 1024;
const PADDING = 64;
const NONE = -1;
const NONE_AND_ESCAPED = -2;

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  find(length: number, escaped: bigint): number;
}

declare global {
  /** Node's types do not have it. */
  namespace WebAssembly {
    const Module: new (program: Uint8Array) => Module;
    const Instance: new (module: Module) => { readonly exports: unknown };
  }
}

const module = new WebAssembly.Module(Buffer.from(PROGRAM, "base64"));
const { memory, find } = new WebAssembly.Instance(module).exports as Exports;
const block = new Uint8Array(memory.buffer);

/**
 * The index of the first quote from `from` on that no backslash escapes; -1 without one. `from` is within a string and
 * not behind a backslash.
 */
export function stringEnd(bytes: Buffer, from: number): number {
  let escaped = 0n;
  for (let at = from; at < bytes.length; at += BLOCK) {
    const length = Math.min(BLOCK, bytes.length - at);
    block.set(bytes.subarray(at, at + length));
    block.fill(0, length, length + PADDING);
    const found = find(length, escaped);
    if (found >= 0) return at + found;
    escaped = found === NONE_AND_ESCAPED ? 1n : 0n;
  }
  return NONE;
}
