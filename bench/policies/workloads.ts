import { readFileSync } from "node:fs";
import { tokens, words } from "./words.ts";

/** One request of a session; its text comes behind what was said before. */
export interface Turn {
  readonly said: string;
  readonly maxTokens: number;
}

/** Requests that follow each other, each with all that was said, answers included. */
export interface Session {
  /** What comes first, as a system prompt does. */
  readonly system: string;
  readonly turns: readonly Turn[];
  /** When it begins, in milliseconds; without that when a client is free. */
  readonly at?: number;
}

export interface Workload {
  readonly name: string;
  readonly what: string;
  /** Clients, each with one session at a time; where sessions have their own time it does not count. */
  readonly clients: number;
  /** The same ones each time; `scale` is 1, or less for a shorter run. */
  sessions(scale: number): readonly Session[];
}

const times = <T>(count: number, make: (at: number) => T): T[] =>
  Array.from({ length: count }, (_, at) => make(at));
const once = (name: string, size: number, maxTokens: number, system = ""): Session => ({
  system,
  turns: [{ said: words(name, size), maxTokens }],
});

const UNIFORM: Workload = {
  name: "uniform",
  what: "prompts of 2,048 tokens that share nothing",
  clients: 16,
  sessions: (scale) => times(160 * scale, (at) => once(`uniform ${at}`, 2048, 16)),
};

const BIMODAL: Workload = {
  name: "bimodal",
  what: "nine prompts of 256 tokens to one of 8,192, that share nothing",
  clients: 16,
  sessions: (scale) => times(300 * scale, (at) => once(`bimodal ${at}`, at % 10 === 3 ? 8192 : 256, 16)),
};

const GROUPS = 24;
const SHARED: Workload = {
  name: "shared",
  what: `${GROUPS} system prompts of 4,096 tokens, each with 256 tokens of a user's own`,
  clients: 16,
  sessions: (scale) =>
    times(320 * scale, (at) => {
      // Any order will do but a regular one, which turns could fit by chance.
      const group = tokens(`whose turn ${at}`, 1)[0] ?? 0;
      return once(`shared ${at}`, 256, 16, words(`system ${group % GROUPS}`, 4096));
    }),
};

const AGENTS: Workload = {
  name: "agents",
  what: "agents with 1,536 tokens of tools in common: 8 turns of 384 tokens each, with all that was said",
  clients: 24,
  sessions: (scale) =>
    times(40 * scale, (at) => ({
      system: words("tools", 1536),
      turns: times(8, (turn) => ({ said: words(`agent ${at} ${turn}`, 384), maxTokens: 32 })),
    })),
};

/** A line of a trace in Mooncake's form: equal ids are equal blocks behind equal ones. */
interface Traced {
  /** In milliseconds. */
  readonly timestamp: number;
  /** In tokens. */
  readonly input_length: number;
  readonly output_length: number;
  readonly hash_ids: readonly number[];
}

/** A trace's lengths are played at an eighth: its prompts of 12,000 tokens would have four instances compute for hours. */
const SHORTER = 8;
const BLOCK_TOKENS = 512 / SHORTER;
const TRACED_REQUESTS = 320;
const TRACE_MS = 18_000;

function played(name: string, what: string, lines: () => readonly Traced[]): Workload {
  return {
    name,
    what,
    clients: 0,
    sessions(scale) {
      const some = lines().slice(0, TRACED_REQUESTS * scale);
      const span = Math.max(1, (some.at(-1)?.timestamp ?? 0) - (some[0]?.timestamp ?? 0));
      return some.map(({ timestamp, input_length, output_length, hash_ids }) => {
        const size = Math.max(1, Math.round(input_length / SHORTER));
        const blocks = hash_ids.map((id) => words(`${name} block ${id}`, BLOCK_TOKENS));
        const said = blocks.join("").split(" ").slice(0, size).join(" ");
        const maxTokens = Math.min(32, Math.max(1, Math.round(output_length / SHORTER)));
        const at = ((timestamp - (some[0]?.timestamp ?? 0)) / span) * TRACE_MS * scale;
        return { system: "", turns: [{ said, maxTokens }], at };
      });
    },
  };
}

/**
 * Made up to be like the conversations of Mooncake's published trace (FAST'25, 12,031 requests of one hour): prompts of
 * 2.3k, 6.9k and 15.4k tokens at the quartiles, 12k on average, of which 37 % of the blocks have been asked for before, most
 * by an earlier turn of a conversation; times at random. Which of them are in one conversation is drawn here.
 */
function* conversations(): Generator<Traced> {
  const draw = (name: string) => ((tokens(name, 1)[0] ?? 0) + 0.5) / 2 ** 24;
  const open: { ids: number[]; length: number }[] = [];
  let id = 0;
  let timestamp = 0;
  for (let at = 0; ; at++) {
    timestamp += -Math.log(draw(`gap ${at}`)) * 300;
    const [r, q] = [draw(`length ${at}`), draw(`length too ${at}`)];
    const normal = Math.sqrt(-2 * Math.log(r)) * Math.cos(2 * Math.PI * q);
    const goesOn = open.length > 0 && draw(`goes on ${at}`) < 0.42;
    const chosen = goesOn ? open[Math.floor(draw(`which ${at}`) * open.length)] : undefined;
    const grown = Math.round(Math.min(60_000, Math.exp(8.75 + 1.15 * normal)) * (goesOn ? 0.4 : 1));
    const length = (chosen?.length ?? 0) + Math.max(64, grown);
    const ids = [...(chosen?.ids ?? [])];
    while ((ids.length + 1) * 512 <= length) ids.push(id++);
    const now = { ids, length };
    if (chosen !== undefined) open[open.indexOf(chosen)] = now;
    else open.push(now);
    if (open.length > 40) open.shift();
    // The last block of a prompt is not full, so nobody else has it.
    const all = ids.length * 512 < length ? [...ids, id++] : ids;
    yield { timestamp, input_length: length, output_length: 343, hash_ids: all };
  }
}

function first<T>(count: number, of: Iterable<T>): T[] {
  const some: T[] = [];
  for (const one of of) {
    if (some.length === count) break;
    some.push(one);
  }
  return some;
}

const CONVERSATIONS = played(
  "conversations",
  "made up after the lengths and the reuse of Mooncake's published conversations, at an eighth, by their own time",
  () => first(TRACED_REQUESTS, conversations()),
);

export const WORKLOADS: readonly Workload[] = [UNIFORM, BIMODAL, SHARED, AGENTS, CONVERSATIONS];

/** By which of its blocks a conversation is known: the first one or two are a system prompt's. */
const KNOWN_BY = 2;

/** A trace in Mooncake's form, JSON lines: so many of its conversations, each whole. The first requests would be new, all of them. */
export function traceIn(file: string): Workload {
  const lines = readFileSync(file, "utf8").trim().split("\n");
  const all = lines.map((line) => JSON.parse(line) as Traced);
  const oneIn = Math.max(1, Math.floor(all.length / TRACED_REQUESTS));
  const isChosen = ({ hash_ids: ids }: Traced) =>
    (ids[Math.min(KNOWN_BY, ids.length - 1)] ?? 0) % oneIn === 0;
  return played("trace", `one in ${oneIn} conversations of ${file}, at an eighth`, () =>
    all.filter(isChosen),
  );
}
