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
