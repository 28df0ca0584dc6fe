import type { Answered, Fields, Json, MetricFamily } from "./recordings.ts";

/*
 * In what one answer is not of another's form: keys, the types of their values, and what programs go by. What the values
 * are does not matter: another model gives other tokens.
 */

/** Each as `path: what the first has, what the second has`. */
export function unlike(real: Answered, ours: Answered): string[] {
  if (real.status !== ours.status) return [told("status", real.status, ours.status)];
  return [
    ...HEADERS.flatMap((name) => same(`header ${name}`, real.headers[name], ours.headers[name])),
    ...unlikeJson(real.body ?? null, ours.body ?? null, ""),
    ...unlikeErrors(errorIn(real.body), errorIn(ours.body)),
    ...unlikeStreams(real.stream, ours.stream),
    ...unlikeMetrics(real.metrics, ours.metrics),
  ];
}

const HEADERS = ["content-type", "transfer-encoding", "allow"];

function unlikeJson(real: Json, ours: Json, path: string): string[] {
  const [realType, ourType] = [typeOf(real), typeOf(ours)];
  if (realType !== ourType) return [told(path, realType, ourType)];
  if (Array.isArray(real) && Array.isArray(ours)) {
    if (real.length === 0 || ours.length === 0) return same(`${path}[]`, real.length > 0, ours.length > 0);
    // There may be more tokens of the one than of the other.
    return unique(real.flatMap((one, index) => unlikeJson(one, ours[index] ?? ours[0] ?? null, `${path}[]`)));
  }
  if (!isObject(real) || !isObject(ours)) return [];
  return [...new Set([...Object.keys(real), ...Object.keys(ours)])].flatMap((key) => {
    const [one, other] = [real[key], ours[key]];
    const inner = path === "" ? key : `${path}.${key}`;
    if (one === undefined || other === undefined) return [told(inner, typeOf(one), typeOf(other))];
    return unlikeJson(one, other, inner);
  });
}

/** What clients tell errors apart by. Of the message it is a phrase, where there is one. */
function unlikeErrors(real: Fields | undefined, ours: Fields | undefined): string[] {
  if (real === undefined || ours === undefined) return [];
  const phrase = (message: Json | undefined) => PHRASES.find((one) => String(message).includes(one));
  return [
    ...["type", "param", "code"].flatMap((key) => same(`error.${key}`, real[key], ours[key])),
    ...same("error.message", phrase(real.message), phrase(ours.message)),
  ];
}

const PHRASES = [
  "validation error",
  "maximum context length",
  "does not exist",
  "on a different instance",
  "Only 'application/json' is allowed",
  "JSON decode error",
  "Internal server error",
  "EngineCore encountered an issue",
];

function unlikeStreams(real: readonly string[] | undefined, ours: readonly string[] | undefined): string[] {
  if (real === undefined || ours === undefined) return same("stream", real !== undefined, ours !== undefined);
  const [realEvents, ourEvents] = [eventsOf(real), eventsOf(ours)];
  return [
    ...same("order of events", [...realEvents.keys()].join(), [...ourEvents.keys()].join()),
    ...[...realEvents].flatMap(([kind, event]) => {
      const other = ourEvents.get(kind) ?? event;
      const errors = unlikeErrors(errorIn(event), errorIn(other));
      return [...unlikeJson(event, other, ""), ...errors].map((one) => `${kind} event: ${one}`);
    }),
    ...same("chunks", areWholeEvents(real), areWholeEvents(ours)),
  ];
}

/** The first event of each kind, in the order in which the kinds come. */
function eventsOf(stream: readonly string[]): Map<string, Json> {
  const events = new Map<string, Json>();
  for (const text of stream.join("").split("\n\n").slice(0, -1)) {
    const data = text.replace(/^(?:event: .*\n)?data: /, "");
    const event: Json = data === "[DONE]" ? data : JSON.parse(data);
    const kind = kindOf(event);
    if (!events.has(kind)) events.set(kind, event);
  }
  return events;
}

function kindOf(event: Json): string {
  if (!isObject(event)) return "done";
  if (event.error !== undefined) return "error";
  if (typeof event.type === "string") return event.type;
  const [choice] = Array.isArray(event.choices) ? event.choices : [];
  if (!isObject(choice)) return "usage";
  if (choice.finish_reason !== null)
    return event.system_fingerprint === undefined ? "last of a choice" : "last";
  return isObject(choice.delta) && choice.delta.role !== undefined ? "role" : "content";
}

const areWholeEvents = (stream: readonly string[]) =>
  stream.every((chunk) => /^(?:event: .*\n)?data: .*\n\n$/s.test(chunk));

/** Only what ours tells, and what the scheduler reads: an engine without NPUs has nothing to tell of most. */
function unlikeMetrics(
  real: Readonly<Record<string, MetricFamily>> | undefined,
  ours: Readonly<Record<string, MetricFamily>> | undefined,
): string[] {
  if (real === undefined || ours === undefined) return [];
  const names = Object.keys(ours).filter((name) => name.startsWith("vllm:"));
  return unique([...names, ...READ_BY_THE_SCHEDULER]).flatMap((name) => {
    const [one, other] = [real[name], ours[name]];
    if (one === undefined || other === undefined)
      return same(`metric ${name}`, one !== undefined, other !== undefined);
    const labels = ({ samples }: MetricFamily) =>
      Object.entries(samples).map(([suffix, found]) => `${suffix}{${Object.keys(found).sort().join()}}`);
    return [
      ...same(`type of ${name}`, one.type, other.type),
      ...same(`labels of ${name}`, labels(one).sort().join(), labels(other).sort().join()),
    ];
  });
}

const READ_BY_THE_SCHEDULER = [
  "vllm:num_requests_running",
  "vllm:num_requests_waiting",
  "vllm:kv_cache_usage_perc",
  "vllm:cache_config_info",
  "vllm:prompt_tokens_total",
  "vllm:generation_tokens_total",
];

function same(path: string, real: unknown, ours: unknown): string[] {
  return real === ours ? [] : [told(path, real, ours)];
}

const told = (path: string, real: unknown, ours: unknown) =>
  `${path}: ${real ?? "none"}, ours ${ours ?? "none"}`;

const unique = (all: readonly string[]) => [...new Set(all)];

function typeOf(value: Json | undefined): string {
  if (value === undefined) return "none";
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

const errorIn = (value: Json | undefined) =>
  isObject(value) && isObject(value.error) ? value.error : undefined;

function isObject(value: Json | undefined): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
