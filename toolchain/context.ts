/** What every part of the toolchain is given. */
export interface Context {
  /** Everything downloaded or built lives below; deleting it costs time, nothing else. */
  readonly cacheDir: string;
  /** Shows the user one line of progress. */
  readonly say: (line: string) => void;
}

/** Which way a part was obtained, for `--explain` and the log. */
export interface Choice {
  readonly part: string;
  readonly chosen: string;
  readonly why: string;
}
