/** `text` as one word of a POSIX shell, bare where that reads the same. */
export function word(text: string): string {
  if (text.includes("\0")) throw new Error("a NUL character cannot stand in a command");
  return /^[\w@%+:,./-][\w@%+=:,./-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
