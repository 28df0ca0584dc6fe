/** What vLLM has and the scheduler has not. */
export interface NotServed {
  /** With all below it where it ends in `*`. */
  readonly paths: readonly string[];
  /** Why, and what to do: a sentence each. */
  readonly why: string;
}

export const NOT_SERVED: readonly NotServed[] = [
  {
    paths: ["/v1/embeddings", "/v2/embed", "/pooling", "/classify", "/score", "/v1/score"],
    why: "It generates no tokens, so there is nothing for decode instances to do. Ask a deployment of that model without prefill and decode.",
  },
  {
    paths: ["/rerank", "/v1/rerank", "/v2/rerank", "/generative_scoring", "/v1/systemone"],
    why: "It takes no KV cache over from a prefill instance. Ask a deployment without prefill and decode.",
  },
  {
    paths: ["/v1/audio/*", "/v1/realtime"],
    why: "Speech takes no KV cache over from a prefill instance. Ask a deployment of that model without prefill and decode.",
  },
  {
    paths: ["/v1/chat/completions/batch"],
    why: "One set of KV parameters cannot serve several conversations. Send each to /v1/chat/completions.",
  },
  {
    paths: ["/cohere/*", "/invocations"],
    why: "It is another form of what is served here. Use /v1/chat/completions.",
  },
  {
    paths: [
      "/inference/*",
      "/abort_requests",
      "/v1/completions/render",
      "/v1/completions/derender",
      "/v1/chat/completions/render",
      "/v1/chat/completions/derender",
      "/v1/messages/render",
      "/v1/responses/render",
    ],
    why: "It is one step of a request, for a scheduler to take. Ask an instance directly, or send the whole request here.",
  },
  {
    paths: [
      "/ping",
      "/load",
      "/metrics",
      "/server_info",
      "/tokenizer_info",
      "/kv_event_sources",
      "/v1/load_lora_adapter",
      "/v1/unload_lora_adapter",
    ],
    why: "It concerns one instance. Ask each instance directly; the scheduler has /health, /readyz and a port for metrics.",
  },
];

/** Why nothing is served on `path`, if it is known. */
export function whyNotServed(path: string): string | undefined {
  const isOf = (pattern: string) =>
    pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern;
  return NOT_SERVED.find(({ paths }) => paths.some(isOf))?.why;
}
