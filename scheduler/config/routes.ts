import type { Config } from "./config.ts";

/** What clients can ask for. */
export interface Route {
  readonly path: string;
  readonly methods: readonly string[];
  /** `forwarded`: what one instance answers alone. */
  readonly serves:
    | "completion"
    | "message"
    | "response"
    | "stored"
    | "forwarded"
    | "model"
    | "liveness"
    | "readiness";
  /** Served only by this API. */
  readonly api?: Config["api"];
  /** Whose form its errors have, if not OpenAI's. */
  readonly errorForm?: "anthropic" | "responses";
}

const READ = ["GET", "HEAD"];
/** What stands behind it is a model's name, which may have slashes. */
export const MODEL_PREFIX = "/v1/models/";
const MODEL = `${MODEL_PREFIX}{model}`;

const RESPONSES = "/v1/responses";
const RESPONSE = `${RESPONSES}/{id}`;
const CANCEL = `${RESPONSE}/cancel`;
/** Not an id, but a step of a request, which is not served. */
const RENDER = `${RESPONSES}/render`;

export const ROUTES: readonly Route[] = [
  { path: "/v1/completions", methods: ["POST"], serves: "completion", api: "openai" },
  { path: "/v1/chat/completions", methods: ["POST"], serves: "completion", api: "openai" },
  { path: "/v1/messages", methods: ["POST"], serves: "message", api: "openai", errorForm: "anthropic" },
  {
    path: "/v1/messages/count_tokens",
    methods: ["POST"],
    serves: "forwarded",
    api: "openai",
    errorForm: "anthropic",
  },
  { path: RESPONSES, methods: ["POST"], serves: "response", api: "openai", errorForm: "responses" },
  { path: RESPONSE, methods: ["GET"], serves: "stored", api: "openai", errorForm: "responses" },
  { path: CANCEL, methods: ["POST"], serves: "stored", api: "openai", errorForm: "responses" },
  { path: "/v1/models", methods: READ, serves: "forwarded", api: "openai" },
  { path: MODEL, methods: READ, serves: "model", api: "openai" },
  { path: "/tokenize", methods: ["POST"], serves: "forwarded", api: "openai" },
  { path: "/detokenize", methods: ["POST"], serves: "forwarded", api: "openai" },
  { path: "/version", methods: READ, serves: "forwarded", api: "openai" },
  { path: "/generate", methods: ["POST"], serves: "completion", api: "vllm" },
  { path: "/livez", methods: READ, serves: "liveness" },
  { path: "/health", methods: READ, serves: "liveness" },
  { path: "/readyz", methods: READ, serves: "readiness" },
];

/** Finds what an API serves on a path. */
export function routesOf(asked: Config["api"]): (path: string) => Route | undefined {
  const routes = new Map(
    ROUTES.filter(({ api = asked }) => api === asked).map((route) => [route.path, route]),
  );
  return (path) => routes.get(patternOf(path));
}

function patternOf(path: string): string {
  if (path.startsWith(MODEL_PREFIX)) return MODEL;
  if (!path.startsWith(`${RESPONSES}/`) || path === RENDER) return path;
  return path.replace(/^(\/v1\/responses\/)[^/]+(\/cancel)?$/, "$1{id}$2");
}

/** Whether it goes to the engines: refused while draining, and always in the log. */
export function isToEngines({ serves }: Route): boolean {
  return serves !== "liveness" && serves !== "readiness";
}
