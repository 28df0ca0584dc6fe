const block = 512;

/** A tar archive of texts as files of root's, which the engine's `PUT /containers/<id>/archive` takes. */
export function archiveOf(files: readonly { path: string; content: string }[], mode: string): Buffer {
  const entries = files.flatMap(({ path, content }) => {
    const name = Buffer.from(path.replace(/^\/+/, ""));
    // GNU's way to have more than the 100 bytes of a name.
    return [entry("././@LongLink", "L", mode, name), entry("", "0", mode, Buffer.from(content))];
  });
  return Buffer.concat([...entries, Buffer.alloc(2 * block)]);
}

function entry(name: string, type: string, mode: string, content: Buffer): Buffer {
  const whole = Buffer.alloc(block + Math.ceil(content.length / block) * block);
  const octal = (value: number) => value.toString(8).padStart(11, "0");
  const fields = {
    0: name,
    100: mode.padStart(7, "0"),
    108: "0000000",
    116: "0000000",
    124: octal(content.length),
    136: octal(0),
    148: " ".repeat(8),
    156: type,
    257: "ustar  ",
  };
  for (const [at, text] of Object.entries(fields)) whole.write(text, Number(at), "latin1");
  // Of the header with blanks in the place of the sum.
  const sum = whole.subarray(0, block).reduce((total, byte) => total + byte, 0);
  whole.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  content.copy(whole, block);
  return whole;
}

/** The file that the Docker Engine's archive of one path holds, or undefined where the path is no file. */
export interface ArchivedFile {
  readonly content: string;
  /** Permission bits. */
  readonly mode: number;
  readonly owner: number;
}

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
