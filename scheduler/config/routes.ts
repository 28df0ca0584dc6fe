import type { Config } from "./config.ts";

/** What clients can ask for. */
export interface Route {
  readonly path: string;
  readonly methods: readonly string[];
  readonly serves: "completion" | "models" | "liveness" | "readiness";
  /** Served only by this API. */
  readonly api?: Config["api"];
}

const READ = ["GET", "HEAD"];

export const ROUTES: readonly Route[] = [
  { path: "/v1/completions", methods: ["POST"], serves: "completion", api: "openai" },
  { path: "/v1/chat/completions", methods: ["POST"], serves: "completion", api: "openai" },
  { path: "/v1/models", methods: READ, serves: "models", api: "openai" },
  { path: "/generate", methods: ["POST"], serves: "completion", api: "vllm" },
  { path: "/livez", methods: READ, serves: "liveness" },
  { path: "/health", methods: READ, serves: "liveness" },
  { path: "/readyz", methods: READ, serves: "readiness" },
];

/** Whether it goes to the engines: refused while draining, and always in the log. */
export function isToEngines({ serves }: Route): boolean {
  return serves === "completion" || serves === "models";
}
