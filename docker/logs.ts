import { connection, type EngineAddress, messageOf } from "./api.ts";
import { request } from "./http.ts";

export interface LogOptions {
  /** Lines from the end, of all that its runs have written. */
  readonly tail: number;
  /** Bytes after which nothing more is read. */
  readonly longest: number;
  readonly signal?: AbortSignal;
  /** Goes on with what is written, until the container ends. */
  readonly follow?: boolean;
  /** Only what was written from then on: `2026-11-29T01:02:03.123456789Z`. */
  readonly since?: string;
}

/**
 * What a container wrote, running or not, with the time of each line, as the engine sends it. Gives how many bytes came
 * and whether that is all; an Error says why the engine gives none, its cause being the status, or why it broke off.
 */
export function readLog(
  engine: EngineAddress,
  container: string,
  { tail, longest, signal, follow = false, since }: LogOptions,
  onBytes: (bytes: Buffer) => void,
): Promise<{ readonly bytes: number; readonly isWhole: boolean }> {
  const from = since === undefined ? `&tail=${tail}` : `&since=${unixTime(since)}`;
  const path = `/containers/${container}/logs?stdout=1&stderr=1&timestamps=1&follow=${follow}${from}`;
  return new Promise((resolve, reject) => {
    const call = request({ ...connection(engine), path, signal }, (answer) => {
      const isRefused = answer.statusCode !== 200;
      let refusal = "";
      let bytes = 0;
      answer.on("data", (piece: Buffer) => {
        if (isRefused) {
          if (refusal.length < 4096) refusal += piece;
          return;
        }
        bytes += piece.length;
        onBytes(piece);
        if (bytes < longest) return;
        resolve({ bytes, isWhole: false });
        call.destroy();
      });
      answer.on("error", reject);
      answer.on("end", () => {
        if (isRefused) reject(new Error(messageOf(refusal), { cause: answer.statusCode }));
        else resolve({ bytes, isWhole: true });
      });
    });
    call.on("error", reject);
    call.end();
  });
}

/** Seconds since 1970, to the nanosecond: more digits than a number has. */
function unixTime(time: string): string {
  const [whole = "", fraction = "0"] = time.replace(/Z$/, "").split(".");
  return `${Date.parse(`${whole}Z`) / 1000}.${fraction}`;
}
