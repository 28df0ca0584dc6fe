import {
  type Endpoint,
  type Endpoints,
  type EndpointsReader,
  endpointsReader,
  InvalidTables,
} from "./endpoints.ts";
import { type FlagName, POLICIES, type PolicyName, parseFlags, shown, type UsageProblem } from "./flags.ts";
import {
  CONNECTORS,
  GIVEN_BACK,
  type GivenBack,
  HANDOFFS,
  type Handoff,
  type HandoffName,
  RELEASES,
  type Release,
} from "./handoffs.ts";
import { type Tracing, tracingOf } from "./tracing.ts";
import { type Trusted, trustedOf } from "./trusted.ts";

/** All in milliseconds. */
export interface Timeouts {
  readonly connectMs: number;
  readonly prefillMs: number;
  readonly firstTokenMs: number;
  readonly tokenGapMs: number;
  readonly answerMs: number;
  readonly requestHeadMs: number;
  readonly requestBodyMs: number;
  readonly stalledClientMs: number;
  readonly drainMs: number;
  readonly stallMs: number;
  readonly queueMs: number;
}

/** In milliseconds. */
export interface WatchLimits {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

/** Where the page is; `token` is what a browser has to know. */
export interface PageAddress {
  readonly host: string;
  readonly port: number;
  readonly token: string | undefined;
}

/** Where decode instances say where they want KV caches; each worker listens on a port of its own, from `port` on. */
export type MetaserverAddress = Endpoint;

/** A Unix socket of the user's own, or a port of the loopback interface. */
export type AdminAddress = { readonly socket: string } | { readonly port: number };

export interface Config extends Trusted {
  readonly host: string;
  readonly port: number;
  /** Threads that serve clients. */
  readonly workers: number;
  readonly endpoints: Endpoints;
  readonly readEndpoints: EndpointsReader;
  /** Where operators are served, and nobody else. */
  readonly admin: readonly AdminAddress[];
  readonly metrics: MetricsAddress | undefined;
  readonly page: PageAddress | undefined;
  readonly tracing: Tracing;
  /** Names that a request's `model` may have. None: any. */
  readonly servedModels: readonly string[];
  readonly policy: PolicyName;
  readonly api: "openai" | "vllm";
  readonly handoff: HandoffName;
  /** There where the handoff has decode asked first. */
  readonly metaserver: MetaserverAddress | undefined;
  readonly missingKvParams: "recompute" | "fail";
  /** What becomes of requests that decode gives back, with a handoff where it may. */
  readonly givenBack: GivenBack;
  /** On which legs of a chat its prompt is made into tokens. */
  readonly tokenise: "twice" | "once";
  readonly maxBodyBytes: number;
  /** Tokens that one answer may have, if there is a limit besides the engines'. */
  readonly maxAnswerTokens: number | undefined;
  readonly maxConnections: number;
  /** For tokens, that run or wait. */
  readonly maxRequests: number;
  /** Of these an instance may have so many at a time, by its role. */
  readonly runningRequests: Readonly<Record<"prefill" | "decode", number>>;
  /** Of all requests and answers together. */
  readonly maxBufferedBytes: number;
  /** Whether a connection to an engine may serve more than one request. */
  readonly engineKeepAlive: boolean;
  /** What of these one client may have, from 0 to 1. */
  readonly clientShare: number;
  /** How long a prefill instance keeps a KV cache that is not fetched. */
  readonly kvLeaseMs: number;
  /** How it is told earlier that none will be. */
  readonly kvRelease: Release;
  /** Between two canaries of a pair of prefill and decode; 0: none are sung, and every pair serves. */
  readonly canaryMs: number;
  readonly timeouts: Timeouts;
  readonly health: WatchLimits;
  /** Whether decode is asked where its prompts come from: where anybody is told. */
  readonly asksForSources: boolean;
}

/** What serving clients needs: data only, which can be sent to another thread. */
export type ServerConfig = Omit<Config, "readEndpoints" | "page">;

/** What the command line and the environment say: help is wanted, it can run, or why it cannot. */
export type Reading =
  | { readonly kind: "help" }
  | { readonly kind: "config"; readonly config: Config }
  | { readonly kind: "problems"; readonly problems: readonly UsageProblem[] };

const MANY = { min: 1, max: 1_000_000, whole: true };
const PORT = { min: 0, max: 65_535, whole: true };

/** A secret: on a command line everybody on the machine could read it. */
const PAGE_TOKEN = "ASCEND_PD_PAGE_TOKEN";

const isLoopback = (host: string) => host === "localhost" || host === "::1" || /^127(?:\.\d+){3}$/.test(host);

type Env = Readonly<Record<string, string | undefined>>;

/** Reads and checks everything that is known before start, rank tables included, and reports all that is wrong. */
export function readConfig(args: readonly string[], env: Env): Reading {
  const flags = parseFlags(args);
  if (flags.help) return { kind: "help" };
  const problems = [...flags.problems];
  const problem = (message: string, fix: string) => problems.push({ message, fix });

  const given = (name: FlagName): readonly string[] => flags.values.get(name) ?? [];
  const text = (name: FlagName): string => given(name)[0] ?? "";
  const number = (name: FlagName, range: { min: number; max: number; whole?: boolean }): number => {
    const { min, max, whole = false } = range;
    const value = text(name);
    const wellFormed = (whole ? /^[0-9]+$/ : /^[0-9]+(\.[0-9]+)?$/).test(value);
    if (wellFormed && Number(value) >= min && Number(value) <= max) return Number(value);
    const kind = whole ? "a whole number" : "a number";
    problem(`--${name} is ${shown(value)}`, `give ${kind} from ${min} to ${max}`);
    return min;
  };
  const oneOf = <T extends string>(name: FlagName, choices: readonly T[]): T => {
    const value = text(name);
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined) problem(`--${name} is ${shown(value)}`, `choose ${choices.join(", ")}`);
    return choice ?? (choices[0] as T);
  };
  const seconds = (name: FlagName): number => Math.round(1000 * number(name, { min: 0.01, max: 86_400 }));

  /** Decode instances reach it under the address on which it listens, so that must be one. */
  function readMetaserver(): MetaserverAddress {
    const [host = ""] = given("metaserver-host");
    if (["", "0.0.0.0", "*"].includes(host) || /^[0:]+$/.test(host)) {
      const what = host === "" ? "missing" : `${shown(host)}, which is no address to be reached under`;
      problem(
        `--metaserver-host is ${what}`,
        `with --kv-connector ${handoff} give the address of this host that decode instances reach`,
      );
    }
    const from = number("metaserver-port", PORT);
    const last = from + workers - 1;
    if (last > PORT.max) {
      problem(
        `--metaserver-port is ${from}, and ${workers} workers need the ports to ${last}`,
        `give one up to ${PORT.max + 1 - workers}`,
      );
    } else if (port !== 0 && from <= port && port <= last) {
      problem(
        `--metaserver-port ${from}${workers > 1 ? ` to ${last}` : ""} has --port ${port} in it`,
        "give it another, or ports of their own",
      );
    }
    return { host, port: from };
  }

  /** Beside this machine's own users only those may see it that know its token. */
  function readPage(): PageAddress {
    const host = text("page-host");
    const token = env[PAGE_TOKEN] || undefined;
    if (token !== undefined && !/^[\x21-\x7e]{16,}$/.test(token)) {
      problem(
        `${PAGE_TOKEN} is no token of 16 visible characters or more`,
        "make one, e.g. with `openssl rand -hex 16`",
      );
    }
    if (token === undefined && !isLoopback(host)) {
      problem(
        `--page-host is ${shown(host)}, where others reach the page, and ${PAGE_TOKEN} is not set`,
        "set it to a token that browsers have to know, or leave --page-host out",
      );
    }
    return { host, port: number("page-port", PORT), token };
  }

  const useOpenAi = env.USE_OPENAI || "1";
  if (useOpenAi !== "0" && useOpenAi !== "1") {
    problem(`USE_OPENAI is ${shown(useOpenAi)}`, "set 1 for the OpenAI API, 0 for vLLM's own /generate");
  }
  const api = useOpenAi === "0" ? "vllm" : "openai";
  let way = api === "vllm" ? "plain" : "kv-params";
  if (given("handoff").length > 0) way = oneOf("handoff", ["kv-params", "plain"]);
  if (api === "vllm" && way !== "plain") {
    problem(
      `--handoff is ${way} with USE_OPENAI=0, where there are no kv_transfer_params`,
      "give --handoff plain, or leave it out",
    );
  }
  const handoff: HandoffName = way === "plain" ? "plain" : oneOf("kv-connector", CONNECTORS);
  const { leaseSeconds, release, byParams, decodeFirst = false }: Handoff = HANDOFFS[handoff];
  let kvRelease: Release = release;
  if (given("kv-release").length > 0) kvRelease = oneOf("kv-release", RELEASES);
  if (kvRelease !== "none" && handoff === "plain") {
    problem(
      `--kv-release is ${kvRelease} with a plain handoff, where there are no kv_transfer_params`,
      "leave it out",
    );
  }
  if (kvRelease !== "none" && decodeFirst) {
    problem(
      `--kv-release is ${kvRelease} with ${handoff}, where prefill keeps nothing that could be released`,
      "leave it out",
    );
  }
  const port = number("port", PORT);
  const workers = number("workers", { min: 1, max: 64, whole: true });
  const metaserver = decodeFirst ? readMetaserver() : undefined;
  const size = { min: 1, max: 1024, whole: true };
  const ranks = {
    prefill: number("prefill-data-parallel-size", size),
    decode: number("decode-data-parallel-size", size),
  };
  const readEndpoints = endpointsReader(env, port, ranks);
  let endpoints: Endpoints = { prefill: [], decode: [] };
  try {
    endpoints = readEndpoints();
  } catch (error) {
    if (!(error instanceof InvalidTables)) throw error;
    problems.push(...error.problems);
  }
  const admin: AdminAddress[] = given("admin-socket").map((socket) => ({ socket }));
  if (given("admin-port").length > 0) admin.push({ port: number("admin-port", PORT) });
  const config: Config = {
    host: text("host"),
    port,
    workers,
    endpoints,
    readEndpoints,
    admin,
    metrics:
      given("metrics-port").length > 0
        ? { host: text("metrics-host"), port: number("metrics-port", PORT) }
        : undefined,
    page: given("page-port").length > 0 ? readPage() : undefined,
    tracing: tracingOf(env, given, problems),
    // As in vLLM, where the path is the name unless there is a better one.
    servedModels: [given("served-model-name"), given("model")].find(({ length }) => length > 0) ?? [],
    ...trustedOf(env, given, problems),
    policy: oneOf("prefill-routing-policy", POLICIES),
    api,
    handoff,
    metaserver,
    missingKvParams: oneOf("missing-kv-params", ["recompute", "fail"]),
    givenBack: oneOf("given-back", GIVEN_BACK),
    tokenise: oneOf("tokenise", ["twice", "once"]),
    maxBodyBytes: number("max-body-bytes", { min: 1, max: 2 ** 30, whole: true }),
    maxAnswerTokens: given("max-answer-tokens").length > 0 ? number("max-answer-tokens", MANY) : undefined,
    maxConnections: number("max-connections", MANY),
    maxRequests: number("max-requests", MANY),
    runningRequests: {
      prefill: number("prefill-max-requests", MANY),
      decode: number("decode-max-requests", MANY),
    },
    maxBufferedBytes: number("max-buffered-bytes", { min: 1, max: 2 ** 40, whole: true }),
    engineKeepAlive: oneOf("engine-keep-alive", ["on", "off"]) === "on",
    clientShare: number("client-share", { min: 1, max: 100 }) / 100,
    kvLeaseMs: given("kv-lease").length > 0 ? seconds("kv-lease") : 1000 * leaseSeconds,
    kvRelease,
    canaryMs: byParams ? 1000 * number("canary-interval", { min: 0, max: 86_400 }) : 0,
    timeouts: {
      connectMs: seconds("connect-timeout"),
      prefillMs: seconds("prefill-timeout"),
      firstTokenMs: seconds("first-token-timeout"),
      tokenGapMs: seconds("token-gap-timeout"),
      answerMs: seconds("answer-timeout"),
      requestHeadMs: seconds("request-head-timeout"),
      requestBodyMs: seconds("request-body-timeout"),
      stalledClientMs: seconds("stalled-client-timeout"),
      drainMs: seconds("drain-timeout"),
      stallMs: seconds("stall-timeout"),
      queueMs: seconds("queue-timeout"),
    },
    health: { intervalMs: seconds("health-interval"), timeoutMs: seconds("health-timeout") },
    asksForSources: admin.length > 0 || given("metrics-port").length > 0 || given("page-port").length > 0,
  };
  return problems.length > 0 ? { kind: "problems", problems } : { kind: "config", config };
}
