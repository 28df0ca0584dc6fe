/** The head of an answer's body in which its id is looked for. */
const MAX_HEAD = 256;
const KEY = Buffer.from('"id":');
const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** What this process has made of an id: a part of the process, and a number. */
const OWN = /([0-9a-f]{12}-)[0-9a-z]+(?:-[0-9]+)?(?:-again-[0-9]+)?$/;
/** Stands in all of them. */
const MARK = /[0-9a-f]{12}-/;
const WORD = /[0-9a-z]/;

/** Whether an answer's id, of its head or the beginning of its body, is that of another request of ours than `id`. */
export function isOfAnother(said: string, id: string): boolean {
  if (said.endsWith(id) || !MARK.test(said)) return false;
  const process = OWN.exec(id)?.[1];
  if (process === undefined || !said.includes(process)) return false;
  const at = said.indexOf(id);
  if (at === -1) return true;
  const behind = said.slice(at + id.length);
  // A client may have sent an id of ours, which is then the beginning of a longer one.
  return WORD.test(behind.charAt(0)) || behind.startsWith(`-${process}`);
}

/** The id with which the body of an engine's answer begins: as vLLM makes it, it has that of the request in it. */
export function idIn(body: Buffer): string | undefined {
  const most = Math.min(body.length, MAX_HEAD);
  for (let at = 0; at < most; at++) {
    if (body[at] !== QUOTE || !isKeyAt(body, at)) continue;
    const from = at + KEY.length;
    const start = body[from] === SPACE ? from + 1 : from;
    if (body[start] !== QUOTE) continue;
    let end = start + 1;
    while (end < most && body[end] !== QUOTE && body[end] !== BACKSLASH) end++;
    if (end < most && body[end] === QUOTE) return body.toString("latin1", start + 1, end);
  }
  return undefined;
}

/** A search, or text of what is searched, would cost more: nearly every answer begins with it. */
function isKeyAt(body: Buffer, from: number): boolean {
  for (let i = 1; i < KEY.length; i++) if (body[from + i] !== KEY[i]) return false;
  return true;
}
