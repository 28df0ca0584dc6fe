import type { Socket } from "node:net";
import type { KindName } from "./kinds.ts";
import type { Place, Struck } from "./wire.ts";

/*
 * What can go wrong with one request, as data. What follows for the client, the engines and the scheduler is derived from
 * `leads` and `at` in expected.ts; nothing is said twice.
 */

export type Leg = "prefill" | "decode";

/** What the scheduler can know of a fault, from which all else follows. */
export type Lead =
  /** The instance gave not a byte. */
  | "unreachable"
  /** What came is no whole answer. */
  | "broken"
  /** Nothing comes any more, and the connection stays. */
  | "silent"
  /** The engine's verdict on the request or its own load, with this status. */
  | { readonly refused: number }
  /** The engine's own fault, told with this status. */
  | { readonly failed: number }
  /** It takes no more for now, and says that another may. */
  | "busy"
  /** There is no such instance to begin with. */
  | "absent"
  /** Decode cannot get the KV cache. */
  | "kv-lost"
  /** The answer is there all the same. */
  | "harmless"
  | "client-left"
  | "client-stalled";

/** What an act may lay hands on. */
export interface Hands {
  readonly client: Socket;
  /** The scheduler has logged how the request ended. */
  readonly logged: Promise<unknown>;
  /** The instance's process, where the fault is one of processes. */
  kill(signal: "SIGKILL" | "SIGSTOP"): Promise<void>;
  /** Starts it anew, with nothing in its caches. */
  restart(): Promise<void>;
}

export type Group = "connections" | "answers" | "processes" | "clients";

export interface Fault {
  readonly name: string;
  readonly group: Group;
  readonly at: Place;
  readonly leads: Lead;
  readonly act: (struck: Struck, hands: Hands) => unknown;
  /** Else both. */
  readonly leg?: Leg;
  /** Else both. */
  readonly only?: "stream" | "plain";
  /** Else all. */
  readonly kinds?: readonly KindName[];
  /** What the instance does already before the request comes. */
  readonly before?: "refuses" | "no such name";
  /** How the instance's health goes by the log, without its first; else it does not change. */
  readonly health?: readonly boolean[];
}

const close = ({ down }: Struck) => down.end();
const reset = ({ down }: Struck) => down.resetAndDestroy();
const hang = () => {};
const says =
  (bytes: string) =>
  ({ down }: Struck) =>
    down.write(bytes);

const CLOSED = [
  ["closes the connection", close],
  ["resets the connection", reset],
] as const;

const WITHIN = {
  unread: "before it has read the request",
  asked: "before the head",
  head: "within the head",
  body: "within the body",
  last: "before the end of the answer is marked",
} as const;

/** Where a stream is struck `last` its client has all of it. */
const broken = (at: Place): Lead => (at === "unread" || at === "asked" ? "unreachable" : "broken");

function atPlaces(
  places: readonly (keyof typeof WITHIN)[],
  what: string,
  leads: (at: Place) => Lead,
  act: Fault["act"],
): Fault[] {
  return places.flatMap((at): Fault[] => {
    const fault = { name: `${what} ${WITHIN[at]}`, group: "connections", at, leads: leads(at), act } as const;
    if (at !== "last") return [fault];
    return [
      { ...fault, leg: "prefill" },
      { ...fault, leg: "decode", only: "plain" },
      { ...fault, leg: "decode", only: "stream", leads: "harmless" },
    ];
  });
}

const CONNECTIONS: readonly Fault[] = [
  {
    name: "refuses connections",
    group: "connections",
    at: "unread",
    leads: "unreachable",
    before: "refuses",
    act: hang,
  },
  {
    name: "has a name that resolves no more",
    group: "connections",
    at: "unread",
    leads: "absent",
    before: "no such name",
    act: hang,
  },
  ...CLOSED.flatMap(([what, act]) => atPlaces(["unread", "head", "body", "last"], what, broken, act)),
  ...atPlaces(["unread", "head", "body", "last"], "stands still", () => "silent", hang),
];

/** An answer of that status with a body. */
const answer = (status: string, type: string, body: string, ...headers: string[]) =>
  says(
    `${[`HTTP/1.1 ${status}`, `Content-Type: ${type}`, `Content-Length: ${Buffer.byteLength(body)}`, ...headers].join("\r\n")}\r\n\r\n${body}`,
  );
const JSON_TYPE = "application/json";
const errorJson = (code: number, message = "the engine's words") =>
  JSON.stringify({ error: { message, type: "T", param: null, code } });
const BUSY = errorJson(503, "The engine is busy. Please try again later or on a different instance.");
const events = (...texts: readonly string[]) => {
  const text = texts.map((one) => `data: ${one}\n\n`).join("");
  return says(
    `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n0\r\n\r\n`,
  );
};

const instead = (
  name: string,
  leads: Lead,
  act: Fault["act"],
  more: Partial<Pick<Fault, "leg" | "only" | "kinds">> = {},
): Fault => ({ name, group: "answers", at: "unread", leads, act, ...more });

const ANSWERS: readonly Fault[] = [
  instead("answers 500 in JSON", { failed: 500 }, answer("500 Oops", JSON_TYPE, errorJson(500))),
  instead("answers 500 with a page", { failed: 500 }, answer("500 Oops", "text/html", "<html>500</html>")),
  instead("answers 502 with a page", { failed: 502 }, answer("502 Bad", "text/html", "<html>502</html>")),
  instead("answers 503 with a page", { failed: 503 }, answer("503 No", "text/html", "<html>503</html>")),
  instead(
    "answers 503 in JSON",
    { refused: 503 },
    answer("503 No", JSON_TYPE, errorJson(503), "Retry-After: 7"),
  ),
  instead("answers 503 and that another may be asked", "busy", answer("503 No", JSON_TYPE, BUSY)),
  instead("answers 429", { refused: 429 }, answer("429 Slow", JSON_TYPE, errorJson(429), "Retry-After: 7")),
  instead("answers 400", { refused: 400 }, answer("400 Bad", JSON_TYPE, errorJson(400))),
  instead("answers 200 with an error", { failed: 500 }, answer("200 OK", JSON_TYPE, errorJson(500)), {
    leg: "prefill",
  }),
  instead("answers 200 with an error", { failed: 500 }, answer("200 OK", JSON_TYPE, errorJson(500)), {
    leg: "decode",
    only: "plain",
  }),
  instead("answers with an event that is an error", { failed: 500 }, events(errorJson(500)), {
    leg: "decode",
    only: "stream",
  }),
  instead("answers with [DONE] alone", "broken", events("[DONE]"), { leg: "decode", only: "stream" }),
  instead("answers with a page of status 200", "broken", answer("200 OK", "text/html", "<html></html>")),
  instead("answers with no body", "broken", answer("200 OK", JSON_TYPE, "")),
  instead("answers 204", "broken", says("HTTP/1.1 204 No Content\r\n\r\n")),
  instead("answers 302", "broken", says("HTTP/1.1 302 F\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")),
  instead("answers in no HTTP", "broken", says("SSH-2.0-OpenSSH\r\n\r\n")),
  instead("answers with a head of 17 KiB", "broken", says(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(17_408)}`)),
  instead(
    "answers with a length twice",
    "broken",
    says("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"),
  ),
  {
    name: "sends a chunk of no size",
    group: "answers",
    at: "body",
    leads: "broken",
    leg: "decode",
    only: "stream",
    act: says("\r\nzz\r\n"),
  },
  {
    name: "answers twice",
    group: "answers",
    at: "passed",
    leads: "harmless",
    act: says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
  },
];

const diesWithIt: Fault["act"] = async ({ down }, { kill }) => {
  await kill("SIGKILL");
  down.resetAndDestroy();
};

const PROCESSES: readonly Fault[] = [
  {
    name: "is killed with the request",
    group: "processes",
    at: "unread",
    leads: "unreachable",
    health: [false, true],
    act: diesWithIt,
  },
  {
    name: "is killed within its answer",
    group: "processes",
    at: "body",
    leads: "broken",
    health: [false, true],
    act: diesWithIt,
  },
  {
    name: "is stopped with the request",
    group: "processes",
    at: "unread",
    leads: "silent",
    // Once it goes on it has its part in a push all the same, or not: what then is seen depends on the moment.
    kinds: ["vllm", "vllm-ascend", "ascendcloud"],
    health: [false, true],
    act: async ({ goOn }, { kill }) => {
      await kill("SIGSTOP");
      goOn();
    },
  },
  {
    name: "is killed when it has computed the prompt",
    group: "processes",
    at: "last",
    leg: "prefill",
    leads: "kv-lost",
    health: [false, true],
    act: async ({ goOn }, { kill }) => {
      await kill("SIGKILL");
      goOn();
    },
  },
  {
    name: "is started anew when it has computed the prompt",
    group: "processes",
    at: "last",
    leg: "prefill",
    leads: "kv-lost",
    act: async ({ goOn }, { kill, restart }) => {
      await kill("SIGKILL");
      await restart();
      goOn();
    },
  },
];

const LEAVES = [
  ["closes its connection", ({ client }: Hands) => client.destroy()],
  ["resets its connection", ({ client }: Hands) => client.resetAndDestroy()],
  ["closes its own side", ({ client }: Hands) => client.end()],
] as const;

/** An engine that has not answered, and hears that nobody waits, closes its side. */
const endsAsWell: Fault["act"] = ({ down }) => down.once("end", () => down.end());
/** What it had to say comes all the same, and too late. */
const saysAllTheSame: Fault["act"] = async ({ goOn }, { logged }) => {
  await logged;
  goOn();
};

const WHILE: readonly (Pick<Fault, "at" | "only" | "kinds" | "act"> & {
  readonly leg: Leg;
  readonly what: string;
})[] = [
  {
    what: "prefill computes",
    leg: "prefill",
    at: "unread",
    kinds: ["vllm", "vllm-ascend", "ascendcloud"],
    act: endsAsWell,
  },
  // Where decode is asked first prefill goes on: decode's room is not free before it has been pushed to.
  { what: "prefill computes", leg: "prefill", at: "unread", kinds: ["layerwise"], act: saysAllTheSame },
  { what: "decode has the request", leg: "decode", at: "asked", act: saysAllTheSame },
  { what: "decode streams", leg: "decode", at: "body", only: "stream", act: saysAllTheSame },
  { what: "decode's plain answer comes", leg: "decode", at: "body", only: "plain", act: saysAllTheSame },
];

const CLIENTS: readonly Fault[] = [
  ...LEAVES.flatMap(([how, leave]) =>
    WHILE.map(
      ({ what, act, ...place }): Fault => ({
        name: `client ${how} while ${what}`,
        group: "clients",
        leads: "client-left",
        ...place,
        act: (struck, hands) => {
          leave(hands);
          return act(struck, hands);
        },
      }),
    ),
  ),
  {
    name: "client stops to read",
    group: "clients",
    at: "unread",
    leg: "decode",
    only: "stream",
    leads: "client-stalled",
    act: ({ down }, { client }) => {
      client.pause();
      const event = `data: {"choices":[{"text":"${"x".repeat(65_000)}"}]}\n\n`;
      down.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
      for (let sent = 0; sent < 400; sent++)
        down.write(`${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`);
    },
  },
];

export const FAULTS: readonly Fault[] = [...CONNECTIONS, ...ANSWERS, ...PROCESSES, ...CLIENTS];
