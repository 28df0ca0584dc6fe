import { nearest } from "../../problems/nearest.ts";

/*
 * The flags of the command line: one table, from which parsing, checks and `--help` come.
 */

/** How a prefill instance is chosen: the manual's three, and by what prefix caches have, decode instances as well. */
export const POLICIES = ["RoundRobin", "FreeKVFirst", "BLB", "affinity"] as const;
export type PolicyName = (typeof POLICIES)[number];

export interface Flag {
  readonly name: string;
  /** What stands for its value in the help; without one the flag takes none. With an ellipsis it takes several. */
  readonly value?: string;
  readonly help?: string;
  readonly fallback?: string;
}

/** Flags that decide something. */
export const FLAGS = [
  { name: "host", value: "ADDRESS", fallback: "0.0.0.0", help: "address to listen on" },
  { name: "port", value: "PORT", fallback: "9000", help: "port to listen on; 0 takes a free one" },
  { name: "workers", value: "N", fallback: "1", help: "threads that serve clients, on a core each" },
  {
    name: "served-model-name",
    value: "NAME…",
    help: "names of the model in requests; without this --model is its name, without both any is",
  },
  {
    name: "model",
    value: "PATH",
    help: "path of the weights; only a name here",
  },
  {
    name: "prefill-routing-policy",
    value: "POLICY",
    fallback: "RoundRobin",
    help: `which prefill instance is next: ${POLICIES.slice(0, -1).join(", ")} or ${POLICIES.at(-1)}`,
  },
  {
    name: "prefill-data-parallel-size",
    value: "N",
    fallback: "1",
    help: "ranks behind each port of prefill to choose among by X-data-parallel-rank; 1 leaves that to the engine",
  },
  { name: "decode-data-parallel-size", value: "N", fallback: "1", help: "the same of decode" },
  {
    name: "handoff",
    value: "HOW",
    help: "how decode finds KV: kv-params (prefill tells), plain (by the prompt); with USE_OPENAI=0 plain, else kv-params",
  },
  {
    name: "kv-connector",
    value: "NAME",
    fallback: "NixlConnector",
    help: "what hands KV over with kv-params: NixlConnector (vLLM), MooncakeConnectorV1 or MooncakeLayerwiseConnector (vllm-ascend)",
  },
  {
    name: "metaserver-host",
    value: "ADDRESS",
    help: "with MooncakeLayerwiseConnector: this host's address, on which decode instances tell where they want KV",
  },
  {
    name: "metaserver-port",
    value: "PORT",
    fallback: "9100",
    help: "port for that; of --workers each has one, from this on",
  },
  {
    name: "missing-kv-params",
    value: "WHAT",
    fallback: "recompute",
    help: "when prefill gives no KV parameters: recompute (on decode) or fail (502)",
  },
  {
    name: "tokenise",
    value: "HOW",
    fallback: "twice",
    help: "a chat: twice (on each leg), or once (decode gets prefill's token ids, which vLLM takes from 0.32 on)",
  },
  {
    name: "kv-lease",
    value: "SECONDS",
    help: "how long prefill keeps KV that decode does not fetch, as the engine has it; by default the connector's own time",
  },
  {
    name: "kv-release",
    value: "HOW",
    help: "how prefill is told earlier: reject (by a request that decode rejects), none; with NixlConnector reject, else none",
  },
  {
    name: "given-back",
    value: "WHAT",
    fallback: "resume",
    help: "when decode gives a request back for want of KV, as MooncakeConnectorV1's may: resume, or fail (503)",
  },
  {
    name: "api-keys-file",
    value: "PATH",
    help: "who may ask: a line NAME sha256:HASH a key, from ascend-pd key new; without this everybody may",
  },
  {
    name: "tls-cert",
    value: "PATH",
    help: "PEM certificate by which clients are served, with TLS alone; without this plainly",
  },
  { name: "tls-key", value: "PATH", help: "its key" },
  {
    name: "tls-client-ca",
    value: "PATH",
    help: "PEM certificates of those who sign clients' own, which each must show then",
  },
  {
    name: "engine-tls-ca",
    value: "PATH",
    help: "PEM certificates of those who sign engines', which are asked with TLS alone; without this plainly",
  },
  { name: "engine-tls-cert", value: "PATH", help: "PEM certificate that engines are shown" },
  { name: "engine-tls-key", value: "PATH", help: "its key" },
  {
    name: "allowed-hosts",
    value: "NAME…",
    help: "names and addresses by which clients may ask, as in their Host header, the port left out; without this any",
  },
  { name: "max-body-bytes", value: "N", fallback: "8388608", help: "largest request body" },
  {
    name: "max-answer-tokens",
    value: "N",
    help: "tokens of one answer; what asks for more, or does not say, gets so many; without this the engines' limit",
  },
  {
    name: "max-connections",
    value: "N",
    fallback: "16384",
    help: "clients' connections at a time, or half of what the limit on open files leaves if that is less; beyond it 503",
  },
  {
    name: "max-requests",
    value: "N",
    fallback: "16384",
    help: "requests for tokens that run or wait; beyond it the one that has waited for longest gets 503",
  },
  {
    name: "prefill-max-requests",
    value: "N",
    fallback: "8192",
    help: "of these an instance of prefill may have at a time, on average; others wait for their turn",
  },
  {
    name: "decode-max-requests",
    value: "N",
    fallback: "8192",
    help: "the same of decode, such as its --max-num-seqs",
  },
  { name: "queue-timeout", value: "SECONDS", fallback: "5", help: "to wait for a turn; then 503" },
  {
    name: "max-buffered-bytes",
    value: "N",
    fallback: "268435456",
    help: "memory for bodies that arrive or wait for their legs, and answers that wait for their end or reader; beyond it 503",
  },
  {
    name: "client-share",
    value: "PERCENT",
    fallback: "90",
    help: "of connections, requests and buffered bytes, for one client address (of IPv6 a /64); beyond it 429",
  },
  {
    name: "admin-socket",
    value: "PATH",
    help: "Unix socket to see, drain, join and reload instances by; without this none",
  },
  { name: "admin-port", value: "PORT", help: "the same on a port of 127.0.0.1; without this none" },
  { name: "metrics-port", value: "PORT", help: "port for Prometheus metrics; without this none" },
  { name: "metrics-host", value: "ADDRESS", fallback: "127.0.0.1", help: "address for Prometheus metrics" },
  { name: "page-port", value: "PORT", help: "port for the page that shows it all; without this none" },
  {
    name: "page-host",
    value: "ADDRESS",
    fallback: "127.0.0.1",
    help: "address for the page; others than the loopback's need ASCEND_PD_PAGE_TOKEN in the environment",
  },
  {
    name: "otlp-endpoint",
    value: "URL",
    help: "collector (OTLP over HTTP) that gets a trace of each request; without this OTEL_EXPORTER_OTLP_ENDPOINT's, or none",
  },
  {
    name: "health-interval",
    value: "SECONDS",
    fallback: "1",
    help: "between two health checks of an instance",
  },
  { name: "health-timeout", value: "SECONDS", fallback: "2", help: "for one health check" },
  {
    name: "stall-timeout",
    value: "SECONDS",
    fallback: "8",
    help: "without a byte from an instance that has requests, before it is tried with one of a token",
  },
  {
    name: "canary-interval",
    value: "SECONDS",
    fallback: "0",
    help: "between two canaries of a pair of prefill and decode, known tokens that show whether KV arrives right, e.g. 8; 0: none",
  },
  { name: "connect-timeout", value: "SECONDS", fallback: "2", help: "to connect to an instance" },
  {
    name: "engine-keep-alive",
    value: "WHAT",
    fallback: "on",
    help: "on: connections to instances serve one request after another; off: each request has its own",
  },
  { name: "prefill-timeout", value: "SECONDS", fallback: "300", help: "for prefill's whole answer" },
  {
    name: "first-token-timeout",
    value: "SECONDS",
    fallback: "120",
    help: "for decode's first event; for a plain answer while decode makes no token for anybody",
  },
  { name: "token-gap-timeout", value: "SECONDS", fallback: "60", help: "between two events" },
  { name: "answer-timeout", value: "SECONDS", fallback: "900", help: "for decode's whole plain answer" },
  { name: "request-head-timeout", value: "SECONDS", fallback: "30", help: "for the head of a request" },
  { name: "request-body-timeout", value: "SECONDS", fallback: "60", help: "for the body of a request" },
  {
    name: "stalled-client-timeout",
    value: "SECONDS",
    fallback: "60",
    help: "for a client that does not read",
  },
  { name: "drain-timeout", value: "SECONDS", fallback: "50", help: "for requests in flight after SIGTERM" },
] as const satisfies readonly Flag[];

export type FlagName = (typeof FLAGS)[number]["name"];

/** Flags of the engine's own command line, which is shared by all roles: taken, and without effect here. */
export const IGNORED_FLAGS: readonly Flag[] = [
  ...[
    "tokenizer",
    "tensor-parallel-size",
    "pipeline-parallel-size",
    "max-model-len",
    "max-num-seqs",
    "max-num-batched-tokens",
    "quantization",
    "dtype",
    "kv-cache-dtype",
    "block-size",
    "load-format",
    "seed",
    "gpu-memory-utilization",
    "swap-space",
    "distributed-executor-backend",
    "num-scheduler-steps",
    "prefill-batching-policy",
    "uvicorn-log-level",
  ].map((name) => ({ name, value: "VALUE" })),
  ...[
    "trust-remote-code",
    "enforce-eager",
    "enable-prefix-caching",
    "enable-chunked-prefill",
    "disable-log-requests",
    "disable-log-stats",
    "disable-async-output-proc",
  ].map((name) => ({ name })),
];

export interface ParsedFlags {
  readonly help: boolean;
  /** By flag, defaults included; more than one where the flag takes several. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly problems: readonly UsageProblem[];
}

/** What a user got wrong, and the way out. */
export interface UsageProblem {
  readonly message: string;
  readonly fix: string;
}

/** Reads `--flag value` and `--flag=value`. `_` in a flag is `-`, as in vLLM. A flag given twice: the last counts. */
export function parseFlags(args: readonly string[]): ParsedFlags {
  const flags = new Map<string, Flag>([...FLAGS, ...IGNORED_FLAGS].map((flag) => [flag.name, flag]));
  const values = new Map<string, readonly string[]>(
    FLAGS.flatMap(({ name, fallback }: Flag) => (fallback === undefined ? [] : [[name, [fallback]]])),
  );
  const problems: UsageProblem[] = [];
  const problem = (message: string, fix: string) => problems.push({ message, fix });
  let help = false;

  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    const equals = arg.indexOf("=");
    const written = equals === -1 ? arg : arg.slice(0, equals);
    const name = written.replace(/^--/, "").replaceAll("_", "-");
    const flag = flags.get(name);
    if (arg === "--help" || arg === "-h") {
      help = true;
    } else if (!arg.startsWith("--")) {
      problem(`${shown(arg)} is not a flag`, "give every setting as --flag value; see --help");
    } else if (flag === undefined) {
      const near = nearest(name, [...flags.keys()]);
      const fix = near === undefined ? "see --help for those there are" : `did you mean --${near}?`;
      problem(`${shown(written)} is not a flag of the scheduler`, fix);
      // Its value, if it has one, is not a second problem.
      if (equals === -1 && args[at + 1]?.startsWith("--") === false) at++;
    } else if (flag.value === undefined) {
      if (equals !== -1) problem(`--${name} takes no value`, `write --${name} alone`);
    } else if (equals === -1 && args[at + 1]?.startsWith("--") !== false) {
      problem(`--${name} has no value`, `write --${name} ${flag.value}`);
    } else {
      const given = [equals === -1 ? (args[++at] ?? "") : arg.slice(equals + 1)];
      while (equals === -1 && flag.value.endsWith("…") && args[at + 1]?.startsWith("--") === false)
        given.push(args[++at] ?? "");
      // What has no effect may be empty.
      if (given.includes("") && flag.help !== undefined)
        problem(`--${name} has an empty value`, `write --${name} ${flag.value}, or leave it out`);
      else values.set(name, given);
    }
  }
  return { help, values, problems };
}

export function helpText(): string {
  const rows = FLAGS.map(({ name, value, fallback, help }: Flag): [string, string] => [
    `--${name} ${value}`,
    fallback === undefined ? `${help}` : `${help} (${fallback})`,
  ]);
  const width = Math.max(...rows.map(([flag]) => flag.length));
  return `The scheduler of a PD-separated deployment: an OpenAI-compatible server that sends each request to a
prefill instance, then to a decode instance, and streams the answer.

Usage: node scheduler/main.ts [flags]

${rows.map(([flag, text]) => `  ${flag.padEnd(width)}  ${text}`).join("\n")}

Flags of the engine are taken and have no effect here:
${wrapped(IGNORED_FLAGS.map(({ name }) => `--${name}`))}

Environment:
  GLOBAL_RANK_TABLE_FILE_PATH  the global rank table: where the instances are (required)
  RANK_TABLE_FILE_PATH         the local rank table of the service entry (checked when given)
  NODE_PORTS                   the instances' ports, comma-separated, in the order of the global rank
                               table: all prefill instances, then all decode instances, each with a name
                               if you like (long=8088); or @ and the path of a file that lists them,
                               which a reload reads again (required)
  USE_OPENAI                   1: the OpenAI API, 0: vLLM's own POST /generate (1)
  VLLM_API_KEY                 the key that the engines ask for, if they do; no key of a client's reaches them then
  OTEL_SERVICE_NAME            what this scheduler is called in traces (ascend-pd-scheduler); OTEL_EXPORTER_OTLP_ENDPOINT and
                               _HEADERS, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER and _ARG mean what they do elsewhere
  no_proxy                     taken; instances are always asked directly, never through a proxy

Example, one prefill instance on port 8088 and one decode instance on port 8089:
  GLOBAL_RANK_TABLE_FILE_PATH=global_ranktable_10.0.0.18.json NODE_PORTS=8088,8089 \\
    node scheduler/main.ts --host=0.0.0.0 --port=9000 --prefill-routing-policy RoundRobin

Signals: SIGTERM and SIGINT drain and end it, SIGHUP reads the rank tables and NODE_PORTS again.

Exit codes: 0 after a drain (SIGTERM), 1 when it cannot listen or start workers, 2 for wrong flags or environment.
`;
}

function wrapped(words: readonly string[]): string {
  const lines: string[] = [];
  let line = " ";
  for (const word of words) {
    if (line.length + word.length > 98) {
      lines.push(line);
      line = " ";
    }
    line += ` ${word}`;
  }
  return [...lines, line].join("\n");
}

/** What the user wrote, safe to print. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
