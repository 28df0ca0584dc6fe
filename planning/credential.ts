/**
 * Whether a variable, flag or key holds a credential, by the words of its name: HF_TOKEN does; `tokenizer`,
 * API_KEY_FILE, which names a file, max_tokens=4096, which counts, and a shell's PWD=/tmp do not.
 */
export function isCredential(name: string, value: unknown): boolean {
  const words = name.replace(/([a-z])([A-Z])/g, "$1_$2").replace(/[^A-Za-z]+/g, "_");
  if (/_(file|path|dir)_?$/i.test(words)) return false;
  if (words === "PWD") return !String(value).startsWith("/");
  if (/(^|_)tokens?(_|$)/i.test(words)) return !/^\d{1,7}$/.test(String(value));
  return /(^|_)(password|passwd|passphrase|pwd|secrets?|credentials?|auths?|authorization|cookie|apikey|ak|sk|(api|access|private|auth|encryption|ssh)_?keys?)(_|$)/i.test(
    words,
  );
}
