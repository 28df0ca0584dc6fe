import { engineKey } from "./engine-key.ts";
import { holdsPassword } from "./url-password.ts";

/** What stands for a credential, as in Pulumi's own output. */
export const masked = "[secret]";

/**
 * Whether a variable, flag or key holds a credential, by the words of its name: HF_TOKEN does, and `--api-k`, which
 * vLLM takes for --api-key. `tokenizer`, API_KEY_FILE, which names a file, max_tokens=4096, which counts,
 * eos_token=<|im_end|>, which is text, and a shell's PWD=/tmp do not.
 */
export function isCredential(name: string, value: unknown): boolean {
  // Of an object from a file, `toString` may be anything.
  const text = typeof value === "object" ? "" : String(value);
  const words = name.replace(/([a-z])([A-Z])/g, "$1_$2").replace(/[^A-Za-z]+/g, "_");
  if (/_(file|path|dir)_?$/i.test(words) || /^(true|false)$/i.test(text)) return false;
  if (vllmFlag(name) !== undefined) return true;
  if (words === "PWD") return !text.startsWith("/");
  if (/(^|_)tokens?(_|$)/i.test(words)) {
    const isOfText = /(^|_)(bos|eos|pad|unk)_token/i.test(words) || /^(<.*>|\[.*\])$/s.test(text);
    return !isOfText && !/^\d{1,7}(\.\d+)?[kmg]?$/i.test(text);
  }
  return /(^|_)(password|passwd|passphrase|pwd|secrets?|credentials?|auths?|authorization|cookie|apikey|ak|sk|(api|access|private|auth|encryption|ssh)_?keys?)(_|$)/i.test(
    words,
  );
}

/** Flags of vLLM that take a credential, each with the variable that it reads in their place. */
const vllmFlags = { "api-key": engineKey, "hf-token": "HF_TOKEN" };

/** Which of them vLLM takes `written` for: it reads `_` as `-`, and any beginning of a flag as that flag. */
function vllmFlag(written: string): string | undefined {
  const flag = /^--(\w[\w-]+)$/.exec(written)?.[1]?.replaceAll("_", "-");
  return flag === undefined ? undefined : Object.keys(vllmFlags).find((known) => known.startsWith(flag));
}

/** The variable that vLLM reads in place of the flag `written`. */
export function variableFor(written: string): string | undefined {
  const flag = vllmFlag(written);
  return Object.entries(vllmFlags).find(([known]) => known === flag)?.[1];
}

export interface Leak {
  /** Of the argument that shows the credential. */
  readonly index: number;
  /** The flag or variable that says so, where there is one. */
  readonly name: string | undefined;
  /** Whether it is the password of a URL. */
  readonly isInUrl: boolean;
}

/**
 * The arguments of a command that are a credential or hold one: `--api-key=VALUE`, the VALUE behind an `--api-key` of its
 * own, `env API_KEY=VALUE`, `{"password": "VALUE"}`, `Authorization: Bearer VALUE`, and all of them in one argument, as for a
 * shell or in a file.
 */
export function leaksIn(args: readonly unknown[]): Leak[] {
  let flag: string | undefined;
  return [...args.entries()].flatMap(([index, argument]): Leak[] => {
    if (typeof argument === "object") return [];
    const text = String(argument);
    const words = text.split(/\s+/);
    for (const word of words) {
      const [, left, right] = assignment.exec(word) ?? [];
      if (word.startsWith("-")) flag = left ?? word;
      if (word.startsWith("-") && left === undefined) continue;
      const [name, value] = [left ?? flag, right ?? word];
      if (name === undefined || (words.length > 1 && isReference(value))) continue;
      if (/[^=]/.test(value) && isCredential(name, value)) return [{ index, name, isInUrl: false }];
      if (holdsPassword(value, name)) return [{ index, name, isInUrl: true }];
    }
    const key = keyIn(text);
    if (key !== undefined) return [{ index, name: key, isInUrl: false }];
    return holdsPassword(text) ? [{ index, name: undefined, isInUrl: true }] : [];
  });
}

/** `NAME=VALUE`, also where a quote begins it. */
const assignment = /^["']?([\w.-]+)=(.*)$/s;

/** What a shell fills in, at the earliest in the container. */
const isReference = (value: string): boolean => /^["']?\$[A-Z_{(]/.test(value);

/** The key of a credential in JSON, of a header, or in a file of settings; or what says that all of it is one. */
function keyIn(text: string): string | undefined {
  if (/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----/.test(text)) return "private key";
  const inJson = [...text.matchAll(/"([\w.-]{1,100})"\s*:\s*"([^"]+)"/g)];
  const ofLine = [
    ...text.matchAll(/(?<![\w.-])([\w.-]{1,100})(?:: *| = *)(?:(?:basic|bearer|token) +)?["']?([^\s"',]+)/gi),
  ];
  const ofOne = ([, key = "", value = ""]: readonly string[]) =>
    !isReference(value) && isCredential(key, value);
  return [...inJson, ...ofLine].find(ofOne)?.[1];
}
