/** A server that sends a line without end fills no memory. */
const LONGEST = 16 * 1024 * 1024;

/**
 * Cuts an event stream, text by text as it comes, into the data of its events; of those that APIs for models send each has one
 * line. Throws where a line is longer than 16 MiB.
 */
export function eventData(): (text: string) => string[] {
  let rest = "";
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > LONGEST) throw new Error("an event is longer than 16 MiB");
    return lines.filter((line) => line.startsWith("data:")).map((line) => line.slice("data:".length).trim());
  };
}
