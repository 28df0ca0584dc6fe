import { stat } from "node:fs/promises";
import { type LogSink, logLine } from "../log.ts";
import { MAX_KEYS, OPERATOR } from "./key-file.ts";
import { InvalidTrust, readTrust, type Trust, type TrustFiles } from "./trust.ts";

/** How often the files are looked at. */
const INTERVAL_MS = 1000;

/** Keeps what stands in the files up to date. What is wrong there changes nothing, and is logged. */
export class Renewal {
  /** All that keys were ever called, by the place where requests are counted; the last is of those beyond all others. */
  readonly names: string[] = [OPERATOR];
  trust: Trust;
  readonly #files: TrustFiles;
  readonly #log: LogSink;
  readonly #changed: (trust: Trust) => void;
  readonly #timer: NodeJS.Timeout | undefined;
  /** What the files were like when they were last read because of that. */
  #mark = "";

  constructor(files: TrustFiles, trust: Trust, log: LogSink, changed: (trust: Trust) => void) {
    this.trust = trust;
    this.#files = files;
    this.#log = log;
    this.#changed = changed;
    this.#nameAll();
    if (this.#paths.length > 0)
      this.#timer = setInterval(() => void this.#lookIfChanged(), INTERVAL_MS).unref();
  }

  /** Reads the files again. */
  look(): void {
    let trust: Trust;
    try {
      trust = readTrust(this.#files);
    } catch (error) {
      if (!(error instanceof InvalidTrust)) throw error;
      this.#log(logLine({ renewed: false, problems: error.problems }));
      return;
    }
    if (JSON.stringify(trust) === JSON.stringify(this.trust)) return;
    this.trust = trust;
    this.#nameAll();
    this.#log(logLine({ renewed: true, keys: trust.keys?.length }));
    this.#changed(trust);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #lookIfChanged(): Promise<void> {
    const marks = this.#paths.map((path) =>
      stat(path).then(
        ({ ino, size, mtimeMs, ctimeMs }) => [ino, size, mtimeMs, ctimeMs].join(),
        (error: NodeJS.ErrnoException) => error.code,
      ),
    );
    const mark = (await Promise.all(marks)).join("; ");
    if (mark === this.#mark) return;
    this.#mark = mark;
    this.look();
  }

  get #paths(): readonly string[] {
    return Object.values(this.#files);
  }

  #nameAll(): void {
    for (const { name } of this.trust.keys ?? [])
      if (!this.names.includes(name) && this.names.length < MAX_KEYS) this.names.push(name);
  }
}
