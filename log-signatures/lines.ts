/** A part of what one stream of a container wrote; where it `begins` anew, Docker wrote the time first. */
export interface Written {
  readonly stream: number;
  readonly text: string;
  readonly begins: boolean;
}

/** As Docker writes it: `2026-11-29T01:02:03.123456789Z `. */
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z /;
const timeLength = 31;

export const timeOf = (line: string): string => (time.test(line) ? line.slice(0, timeLength - 1) : "");

/** Characters of a line that are looked at together, and how many of them once more with what follows. No match is longer. */
const window = 16 * 1024;
const overlap = 1024;

const escapes =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken away
  /\u001b(?:\[[0-9;:?<=>]{0,40}[ -/]{0,4}[@-~]|\][^\u0007\u001b\n]{0,200}(?:\u0007|\u001b\\)|[@-Z\\^_])|\u0000/g;

/**
 * What follows is a client's: a prompt, an answer, or what it named a path or a request by. So it is no word of the
 * engine, whatever it says.
 */
const clients =
  /Received request |Generated response |Request [^\n]{1,200}? details: |"(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH) |"(?:id|method|path)":"|\b(?:prompt|prompts|prompt_token_ids|messages|content|input|inputs|input_value|text|output|outputs|arguments|reasoning|reasoning_content|query|documents)\b["'\\]{0,3} ?[:=] ?(?:b|r|f)?["'\\[{(]/i;

export const isClients = (text: string): boolean => clients.test(text);

/**
 * Makes text of whole lines, each with its time in front and without a terminal's commands, of whatever comes, and hands
 * it on in batches. What a progress bar writes over itself are lines of their own. A line that is too long to be kept
 * comes in parts; those behind a client's words do not come. Holds some ten thousand characters, however long lines are.
 */
export function lineReader(onLines: (text: string) => void): {
  readonly add: (written: Written) => void;
  readonly end: () => void;
} {
  const streams = new Map<number, { line: string; head: string | undefined; isHidden: boolean }>();
  let batch = "";

  function add({ stream, text, begins }: Written): void {
    const state = streams.get(stream) ?? { line: "", head: undefined, isHidden: false };
    streams.set(stream, state);
    let more = text;
    // Docker cuts a long line, and writes the time again before each further part of it.
    if (begins && state.line !== "") state.head = "";
    if (state.head !== undefined) {
      more = state.head + more;
      state.head = more.length < timeLength && !more.includes("\n") ? more : undefined;
      if (state.head !== undefined) return;
      more = more.replace(time, "");
    }
    const lines = more.split("\n");
    const rest = lines.pop() ?? "";
    for (const line of lines) {
      take(state, line);
      if (!state.isHidden) emit(state.line);
      state.line = "";
      state.isHidden = false;
    }
    take(state, rest);
  }

  /** Joins it to the line that is being written, of which what is too long goes on. */
  function take(state: { line: string; isHidden: boolean }, text: string): void {
    if (state.isHidden) return;
    let line = state.line + text;
    while (line.length > window && !state.isHidden) {
      const part = line.slice(0, window);
      emit(part);
      state.isHidden = isClients(part);
      line = (time.exec(line)?.[0] ?? "") + line.slice(window - overlap);
    }
    state.line = state.isHidden ? line.slice(0, timeLength) : line;
  }

  function emit(line: string): void {
    const at = timeOf(line);
    let plain = line.includes("\u001b") || line.includes("\u0000") ? line.replace(escapes, "") : line;
    if (plain.includes("\r")) plain = plain.replaceAll(/\r/g, `\n${at} `);
    batch += `${plain}\n`;
    if (batch.length > 64 * 1024) flush();
  }

  function flush(): void {
    if (batch !== "") onLines(batch);
    batch = "";
  }

  function end(): void {
    for (const { line, head = "", isHidden } of streams.values())
      if (!isHidden && line + head !== "") emit(line + head);
    streams.clear();
    flush();
  }

  return { add, end };
}
