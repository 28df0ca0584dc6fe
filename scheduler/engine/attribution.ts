/** The head of an answer's body in which its id is looked for. */
const MAX_HEAD = 256;
const ID = /"id": ?"([^"\\]*)"/;
/** What this process has made of an id: a part of the process, and a number. */
const OWN = /([0-9a-f]{12}-)[0-9a-z]+(?:-[0-9]+)?(?:-again-[0-9]+)?$/;
const WORD = /[0-9a-z]/;

/** Whether an answer's id, of its head or the beginning of its body, is that of another request of ours than `id`. */
export function isOfAnother(said: string, id: string): boolean {
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
  return ID.exec(body.toString("latin1", 0, Math.min(body.length, MAX_HEAD)))?.[1];
}
