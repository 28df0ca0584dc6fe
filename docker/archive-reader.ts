/** The file that the Docker Engine's archive of one path holds, or undefined where the path is no file. */
export interface ArchivedFile {
  readonly content: string;
  /** Permission bits. */
  readonly mode: number;
  readonly owner: number;
}

const block = 512;

/** Reads what `GET /containers/<id>/archive?path=…` answers, which is a tar archive, decoded as UTF-8. */
export function archivedFile(archive: string): ArchivedFile | undefined {
  const bytes = Buffer.from(archive);
  for (let at = 0; at + block <= bytes.length; ) {
    // Numbers are octal: mode at 100, owner at 108, size at 124; the type is at 156.
    const field = (start: number, length: number) =>
      bytes.toString("latin1", at + start, at + start + length).replace(/[\0 ].*$/s, "");
    const octal = (start: number, length: number) => Number.parseInt(field(start, length), 8);
    const size = octal(124, 12);
    const content = at + block;
    if (!(size >= 0) || content + size > bytes.length) return undefined;
    const type = field(156, 1);
    // An extended header tells more of the entry after it, such as a long name.
    if (type !== "x" && type !== "g") {
      if (type !== "0" && type !== "") return undefined;
      return {
        content: bytes.toString("utf8", content, content + size),
        mode: octal(100, 8) & 0o7777,
        owner: octal(108, 8),
      };
    }
    at = content + Math.ceil(size / block) * block;
  }
  return undefined;
}
