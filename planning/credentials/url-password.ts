/**
 * `text` with `mask` in place of the password of each URL: of what stands between a user and the last `@` of a word,
 * since a password may hold anything, `@` and `/` too. A port is none: http://10.0.0.18:9000/a@b.
 */
export function maskPasswords(text: string, mask: string): string {
  return text.replaceAll(/[^\s"'`]+/g, (word) => {
    const at = word.lastIndexOf("@");
    const start = at < 0 ? -1 : passwordStart(word);
    return start < 0 || start > at ? word : `${word.slice(0, start)}${mask}${word.slice(at)}`;
  });
}

/** Where the first password of a URL would begin; with `%3A` for the colon somebody has tried to write it as a user. */
function passwordStart(word: string): number {
  for (const { index, 0: before, 1: user = "", 2: colon } of word.matchAll(authority)) {
    const encoded = user.search(/%3a/i);
    if (encoded >= 0) return index + 3 + encoded + 3;
    if (colon !== undefined) return index + before.length;
  }
  return -1;
}

const authority = /:\/\/([^/?#@:[]*)(:(?!\d*[/?#]))?/g;

/**
 * Whether `text` holds a URL with a password. Where `name` says that it is an address, it need be no whole URL:
 * `user:password@registry/image`. Of an image, `name:tag@sha256:…` is none.
 */
export function holdsPassword(text: string, name = ""): boolean {
  if (maskPasswords(text, "") !== text) return true;
  if (!/(docker|image|address|hosts?|proxy)$/i.test(name) || /^unix:/i.test(text)) return false;
  const address = text.replace(/^[a-z][\w+.-]*:\/\//i, "").replace(/@sha\d+:[\da-f]+$/i, "");
  return /:|%3a/i.test(address.slice(0, Math.max(0, address.lastIndexOf("@"))));
}
