import { type Field, type Framing, HttpSyntaxError, parseField } from "./head.ts";

/** All chunk extensions and trailer fields of a message together may take this many bytes. */
const MAX_OVERHEAD_BYTES = 4096;
/** Enough for any size that a number holds exactly. */
const MAX_SIZE_DIGITS = 13;

/** Without the white space that RFC 9112 calls bad, in which parsers differ. */
const EXTENSIONS =
  /^(?:;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:=(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"))?)*$/;

const LF = 0x0a;
const CR = 0x0d;
const SEMICOLON = 0x3b;

/** Turns the bytes behind a head into the bytes of the body (RFC 9112 §6.2, §7.1). */
export interface BodyDecoder {
  readonly done: boolean;
  /**
   * Hands the body's bytes in `input` to `sink` and returns how many bytes of `input` belong to this message.
   * Throws HttpSyntaxError. `sink` gets slices of `input`, not copies.
   */
  push(input: Buffer, sink: (bytes: Buffer) => void): number;
  /** Whether the body is whole when the connection ends here. */
  endOfInput(): boolean;
}

/** `otherwise`: what it means that a head names no framing. */
export function bodyDecoder(framing: Framing, otherwise: "empty" | "until-close"): BodyDecoder {
  if (framing.chunked) return new ChunkedDecoder();
  if (framing.length !== undefined) return new LengthDecoder(framing.length);
  return otherwise === "empty" ? new LengthDecoder(0) : new UntilCloseDecoder();
}

class LengthDecoder implements BodyDecoder {
  #left: number;

  constructor(length: number) {
    this.#left = length;
  }

  get done(): boolean {
    return this.#left === 0;
  }

  push(input: Buffer, sink: (bytes: Buffer) => void): number {
    const taken = Math.min(this.#left, input.length);
    this.#left -= taken;
    if (taken > 0) sink(taken === input.length ? input : input.subarray(0, taken));
    return taken;
  }

  endOfInput(): boolean {
    return this.done;
  }
}

class UntilCloseDecoder implements BodyDecoder {
  readonly done = false;

  push(input: Buffer, sink: (bytes: Buffer) => void): number {
    sink(input);
    return input.length;
  }

  endOfInput(): boolean {
    return true;
  }
}

type State =
  | "size"
  | "extension"
  | "size-lf"
  | "data"
  | "data-cr"
  | "data-lf"
  | "trailer"
  | "trailer-lf"
  | "done";

class ChunkedDecoder implements BodyDecoder {
  #state: State = "size";
  #size = 0;
  #digits = 0;
  /** The chunk extensions or the trailer line that is being read. */
  #line = "";
  #overhead = 0;

  get done(): boolean {
    return this.#state === "done";
  }

  endOfInput(): boolean {
    return this.done;
  }

  push(input: Buffer, sink: (bytes: Buffer) => void): number {
    let at = 0;
    while (at < input.length && this.#state !== "done") {
      if (this.#state === "data") {
        const end = Math.min(at + this.#size, input.length);
        this.#size -= end - at;
        if (this.#size === 0) this.#state = "data-cr";
        sink(input.subarray(at, end));
        at = end;
      } else {
        this.#state = this.#next(this.#state, input[at] as number);
        at++;
      }
    }
    return at;
  }

  /** One byte of what stands around the data. */
  #next(state: State, byte: number): State {
    switch (state) {
      case "size":
        return this.#sizeByte(byte);
      case "extension":
        if (byte !== CR) return this.#collect(byte, "extension");
        if (!EXTENSIONS.test(this.#line)) break;
        return "size-lf";
      case "size-lf":
        if (byte !== LF) break;
        this.#digits = 0;
        this.#line = "";
        return this.#size === 0 ? "trailer" : "data";
      case "data-cr":
        if (byte !== CR) break;
        return "data-lf";
      case "data-lf":
        if (byte !== LF) break;
        return "size";
      case "trailer":
        if (byte === CR) return "trailer-lf";
        return this.#collect(byte, "trailer");
      case "trailer-lf":
        if (byte !== LF) break;
        if (this.#line === "") return "done";
        refuseFraming(parseField(this.#line));
        this.#line = "";
        return "trailer";
    }
    throw new HttpSyntaxError("malformed chunked body");
  }

  #collect(byte: number, state: "extension" | "trailer"): State {
    const isControl = (byte < 0x20 && byte !== 0x09) || byte === 0x7f;
    if (isControl || ++this.#overhead > MAX_OVERHEAD_BYTES)
      throw new HttpSyntaxError("malformed chunk extension or trailer");
    this.#line += String.fromCharCode(byte);
    return state;
  }

  #sizeByte(byte: number): State {
    const digit = hexDigit(byte);
    if (digit !== -1 && this.#digits < MAX_SIZE_DIGITS) {
      this.#size = this.#size * 16 + digit;
      this.#digits++;
      return "size";
    }
    // No white space between size and extension: servers disagree about it.
    if (this.#digits > 0 && byte === CR) return "size-lf";
    if (this.#digits > 0 && byte === SEMICOLON) return this.#collect(byte, "extension");
    throw new HttpSyntaxError("malformed chunk size");
  }
}

/** A trailer is dropped; one that looks like framing is an attempt at something. */
function refuseFraming({ name }: Field): void {
  if (name === "content-length" || name === "transfer-encoding") {
    throw new HttpSyntaxError(`${name} in a trailer`);
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
