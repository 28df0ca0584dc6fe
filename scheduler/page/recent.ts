import type { EventView } from "../../page/snapshot.ts";
import type { LogSink } from "../log.ts";

/** Lines that are kept, and how many are told. */
const KEPT = 64;
const TOLD = 20;
const MAX_DETAIL = 300;
/** In lines of requests that went well, and of what is the client's own doing: as good as all that a log has. */
const OF_CLIENTS = ['"outcome":"ok"', '"status":4', '"outcome":"client_'];

/**
 * Keeps the last lines of a log that tell of trouble or change, as they are: only whoever looks reads them. A client can
 * write no quote that is not escaped, so what is looked for is the scheduler's own.
 */
export class Recent {
  readonly #lines: string[] = [];

  /** A sink that keeps what it passes on to `sink`. */
  hearing(sink: LogSink): LogSink {
    return (line) => {
      if (!OF_CLIENTS.some((words) => line.includes(words)) && this.#lines.push(line) > KEPT)
        this.#lines.shift();
      sink(line);
    };
  }

  /** Newest first. */
  get events(): readonly EventView[] {
    return this.#lines.slice(-TOLD).reverse().map(eventOf);
  }
}

/** What an event has of its own place for. */
const SAID = [
  "time",
  "instance",
  "pair",
  "healthy",
  "stalled",
  "broken",
  "unproven",
  "quarantined",
  "state",
  "reloaded",
  "computesPrompts",
];

type Entry = Readonly<Record<string, unknown>>;

function eventOf(line: string): EventView {
  const entry = JSON.parse(line) as Entry;
  const { time, instance, outcome, detail } = entry;
  const at = Date.parse(String(time));
  const cut = (text: string) => (text.length > MAX_DETAIL ? `${text.slice(0, MAX_DETAIL - 1)}…` : text);
  const named = (names: readonly unknown[]) => names.filter((name) => typeof name === "string");
  if (outcome !== undefined) {
    const instances = named([entry.prefill, entry.decode]);
    return {
      at,
      instances,
      what: String(outcome),
      isBad: true,
      ...(detail ? { detail: cut(String(detail)) } : {}),
    };
  }
  const { what, isBad } = changeOf(entry);
  const rest = Object.entries(entry).filter(([key]) => !SAID.includes(key));
  const facts = rest.map(
    ([key, value]) => `${key} ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  const told = facts.length > 0 ? { detail: cut(facts.join(", ")) } : {};
  const { pair } = entry;
  return { at, instances: named(Array.isArray(pair) ? pair : [instance]), what, isBad, ...told };
}

/** What a line that is not of a request says in a word. */
function changeOf(entry: Entry): { what: string; isBad: boolean } {
  const { healthy, stalled, broken, unproven, quarantined, state, reloaded, worker, renamed, routing } =
    entry;
  const { computesPrompts: computes } = entry;
  if (typeof healthy === "boolean") return { what: healthy ? "healthy" : "unhealthy", isBad: !healthy };
  if (typeof stalled === "boolean") return { what: stalled ? "stalled" : "works again", isBad: stalled };
  if (typeof broken === "boolean") return { what: broken ? "broken" : "works again", isBad: broken };
  if (typeof unproven === "boolean") return { what: unproven ? "unproven" : "proven", isBad: unproven };
  if (typeof quarantined === "boolean")
    return { what: quarantined ? "quarantined" : "serves again", isBad: quarantined };
  if (typeof state === "string") return { what: state, isBad: false };
  if (typeof reloaded === "boolean")
    return { what: reloaded ? "reloaded" : "not reloaded", isBad: !reloaded };
  if (typeof computes === "boolean")
    return { what: computes ? "computes prompts" : "fetches prompts", isBad: computes };
  if (worker !== undefined) return { what: "worker died", isBad: true };
  if (renamed !== undefined) return { what: "renamed", isBad: false };
  if (routing !== undefined) return { what: "routing", isBad: false };
  return { what: "note", isBad: false };
}
