import type { Trace } from "../log.ts";
import type { LegSpan, Recording } from "./recording.ts";

/*
 * Spans of a request, as OTLP writes them in JSON: https://opentelemetry.io/docs/specs/otlp/. Names of attributes are those of
 * OpenTelemetry's conventions for HTTP and generative AI; those of `ascend_pd` are this program's own. Nothing in them is of a
 * prompt or an answer.
 */

const KIND = { internal: 1, server: 2, client: 3 } as const;
const ERROR = 2;
/** A client can invent others: they would be names of spans without end. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]);

type Value = { readonly stringValue: string } | { readonly intValue: string };

interface Attribute {
  readonly key: string;
  readonly value: Value;
}

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly flags: number;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status?: { readonly code: number; readonly message?: string };
}

/** What is known of a request besides its trace. */
export interface Asked {
  /** One of the paths that are served. */
  readonly route: string;
  /** A name of the model that is served, where that is known. */
  readonly model: string | undefined;
}

type Facts = Readonly<Record<string, string | number | undefined>>;

/** What is not known is left out. */
export function attributesOf(facts: Facts): Attribute[] {
  return Object.entries(facts).flatMap(([key, value]) => {
    if (value === undefined) return [];
    const typed =
      typeof value === "string" ? { stringValue: value } : { intValue: String(Math.round(value)) };
    return [{ key, value: typed }];
  });
}

/** By path, what generative AI's conventions call it; others only forward. */
const OPERATIONS: Readonly<Record<string, string>> = {
  "/v1/chat/completions": "chat",
  "/v1/completions": "text_completion",
  "/v1/messages": "chat",
  "/v1/responses": "chat",
  "/generate": "text_completion",
};

/** Of a request that is over: its own span, one of its waiting, and one of each leg. */
export function spansOf(
  trace: Trace,
  recording: Recording,
  { route, model }: Asked,
  makeId: () => string,
): Span[] {
  const { context, spanId, begun } = recording;
  const { ms, tokens, outcome = "", status, key, retries, recomputed, givenBack } = trace;
  const operation = OPERATIONS[route];
  const nano = (at: number) => unixNano(begun.unixMs + (at - begun.at));
  const since = (phase: number) => nano(trace.startedAt + phase);
  const common = { traceId: context.traceId, flags: context.flags };
  const child = { ...common, parentSpanId: spanId };
  const ended = since(ms.total ?? 0);
  const isFailed = outcome !== "ok";
  const shared: Facts =
    operation === undefined
      ? {}
      : { "gen_ai.operation.name": operation, "gen_ai.provider.name": "vllm", "gen_ai.request.model": model };

  const request: Span = {
    ...common,
    spanId,
    ...(context.parentId !== "" && { parentSpanId: context.parentId }),
    ...(context.state !== "" && { traceState: context.state }),
    name:
      operation === undefined
        ? `${METHODS.has(trace.method) ? trace.method : "HTTP"} ${route}`
        : [operation, model].filter(Boolean).join(" "),
    kind: KIND.server,
    startTimeUnixNano: since(0),
    endTimeUnixNano: ended,
    attributes: attributesOf({
      ...shared,
      "http.request.method": METHODS.has(trace.method) ? trace.method : "_OTHER",
      "http.route": route,
      "http.response.status_code": status,
      "error.type": isFailed ? outcome : undefined,
      "gen_ai.usage.input_tokens": tokens?.prompt,
      "gen_ai.usage.output_tokens": tokens?.generated,
      "gen_ai.usage.cache_read.input_tokens": tokens?.cached,
      "ascend_pd.output_tokens_by": tokens?.by,
      "ascend_pd.request_id": trace.id,
      "ascend_pd.key": key,
      "ascend_pd.prefill": trace.prefill,
      "ascend_pd.decode": trace.decode,
      "ascend_pd.retries": retries,
      "ascend_pd.recomputed": recomputed && "true",
      "ascend_pd.given_back": givenBack,
    }),
    ...(isFailed && { status: { code: ERROR, message: outcome } }),
  };

  const spans = [request];
  const inside = (name: string, from: string, to: string, parentSpanId = spanId): Span => ({
    ...child,
    parentSpanId,
    spanId: makeId(),
    name,
    kind: KIND.internal,
    startTimeUnixNano: from,
    endTimeUnixNano: to,
    attributes: [],
  });
  if (ms.admitted !== undefined) spans.push(inside("queue", since(ms.body ?? 0), since(ms.admitted)));
  const last = recording.legs.findLast(({ role }) => role === "decode");
  for (const leg of recording.legs) {
    const end = leg.endedAt === undefined ? ended : nano(leg.endedAt);
    spans.push(legSpan(leg, child, shared, nano(leg.startedAt), end));
    // Of several answers at a time it is not known whose the first event was.
    const isFirst = leg === last && ms.firstEvent !== undefined && !trace.decode?.includes(",");
    if (!isFirst || trace.startedAt + (ms.firstEvent ?? 0) < leg.startedAt) continue;
    spans.push(inside("transfer", nano(leg.startedAt), since(ms.firstEvent ?? 0), leg.spanId));
  }
  return spans;
}

function legSpan(
  { role, instance, spanId }: LegSpan,
  child: Pick<Span, "traceId" | "parentSpanId" | "flags">,
  shared: Facts,
  startTimeUnixNano: string,
  endTimeUnixNano: string,
): Span {
  return {
    ...child,
    spanId,
    name: role,
    kind: KIND.client,
    startTimeUnixNano,
    endTimeUnixNano,
    attributes: attributesOf({ ...shared, "ascend_pd.instance": instance, "ascend_pd.role": role }),
  };
}

/** Nanoseconds since 1970, which are more than a number can hold. */
function unixNano(ms: number): string {
  const micros = Math.round(ms * 1000);
  return `${micros}000`;
}
