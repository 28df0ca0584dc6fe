import { setTimeout as sleep } from "node:timers/promises";
import { frameReader } from "../docker/frames.ts";
import { readLog } from "../docker/logs.ts";
import type { HostPlan } from "../planning/plan.ts";
import { isDropped } from "./again.ts";
import { engineOf } from "./engine.ts";

/** A line that a container wrote. */
export interface LogLine {
  /** As Docker has it: `2026-11-29T01:02:03.123456789Z`. */
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

/** Between the end of a container and its next run. */
const AGAIN_MS = 1000;
/** A line is handed on in parts of this many bytes: nobody may make us keep more. */
const MAX_LINE = 64 * 1024;

/**
 * The last `tail` lines of a container; with `follow` also what comes then, over its restarts and over connections that
 * break, each line once, until `signal`. Rejects when the engine gives no log.
 */
export async function readLines(
  host: HostPlan,
  container: string,
  { tail, follow, signal }: { readonly tail: number; readonly follow: boolean; readonly signal: AbortSignal },
  onLine: (line: LogLine) => void,
): Promise<void> {
  let last = "";
  for (;;) {
    const since = last === "" ? {} : { since: last };
    const known = last;
    const reader = lineReader((line) => {
      // `since` gives those of that very moment once more.
      if (line.time !== "" && line.time <= known) return;
      if (line.time > last) last = line.time;
      onLine(line);
    });
    const longest = Number.POSITIVE_INFINITY;
    const failure = await readLog(
      engineOf(host),
      container,
      { tail, longest, signal, follow, ...since },
      frameReader(reader.add),
    ).then(
      () => undefined,
      (error: Error) => error,
    );
    reader.end();
    if (signal.aborted) return;
    if (failure !== undefined) {
      // Its cause is what the engine has answered; a connection that breaks later is made anew.
      const isLost = failure.cause === undefined && (last !== "" || isDropped(failure.message));
      if (!follow || !isLost) throw failure;
    }
    if (!follow) return;
    await sleep(AGAIN_MS, undefined, { signal }).catch(() => {});
  }
}

/** Makes lines of what comes in pieces, each stream for itself. */
function lineReader(onLine: (line: LogLine) => void) {
  const rests = new Map<number, string>();
  const emit = (stream: number, line: string) => {
    const [, time = "", text = ""] = /^(\d{4}-\S{20,30}Z) ?(.*)$/s.exec(line) ?? ["", "", line];
    onLine({
      time,
      stream: stream === 2 ? "stderr" : "stdout",
      text: Buffer.from(text, "latin1").toString().replace(/\r$/, ""),
    });
  };
  return {
    add({ stream, text }: { stream: number; text: string }): void {
      const lines = `${rests.get(stream) ?? ""}${text}`.split("\n");
      const rest = lines.pop() ?? "";
      for (const line of lines) emit(stream, line);
      if (rest.length > MAX_LINE) emit(stream, rest);
      rests.set(stream, rest.length > MAX_LINE ? "" : rest);
    },
    end(): void {
      for (const [stream, rest] of rests) if (rest !== "") emit(stream, rest);
    },
  };
}
