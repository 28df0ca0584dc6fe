import type { Otlp } from "../tracing/exporter.ts";
import { SAMPLERS, type Sampler } from "../tracing/sampler.ts";
import { type FlagName, shown, type UsageProblem } from "./flags.ts";

export interface Tracing {
  readonly otlp: Otlp | undefined;
  readonly sampler: Sampler;
}

const TRACES = "v1/traces";
const SERVICE = "ascend-pd-scheduler";
const MAX_VALUE = 1000;
const ATTRIBUTE = /^[A-Za-z0-9._/-]{1,256}$/;
const HEADER = /^[A-Za-z0-9._-]{1,256}$/;

/** The flag, and OpenTelemetry's own variables, which mean here what they mean everywhere. */
export function tracingOf(
  env: Readonly<Record<string, string | undefined>>,
  given: (name: FlagName) => readonly string[],
  problems: UsageProblem[],
): Tracing {
  const [flag] = given("otlp-endpoint");
  const isOff = env.OTEL_SDK_DISABLED?.toLowerCase() === "true" || env.OTEL_TRACES_EXPORTER === "none";
  const own = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || undefined;
  const base =
    flag ?? (isOff || own !== undefined ? undefined : env.OTEL_EXPORTER_OTLP_ENDPOINT || undefined);
  const written = flag ?? (isOff ? undefined : (own ?? base));
  const sampler = samplerOf(env, problems);
  if (written === undefined) return { otlp: undefined, sampler };
  const url = urlOf(written, base !== undefined);
  if (url === undefined) {
    const where =
      flag !== undefined
        ? "--otlp-endpoint"
        : own !== undefined
          ? "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
          : "OTEL_EXPORTER_OTLP_ENDPOINT";
    problems.push({
      // It is not shown: problems are in logs.
      message: written.includes("@")
        ? `${where} has a name or password in it`
        : `${where} is ${shown(written)}, which is no address of OTLP over HTTP`,
      fix: "give one such as http://collector:4318, and a key that it wants in OTEL_EXPORTER_OTLP_HEADERS",
    });
    return { otlp: undefined, sampler };
  }
  if (env.OTEL_EXPORTER_OTLP_PROTOCOL === "grpc" && flag === undefined) {
    problems.push({
      message: "OTEL_EXPORTER_OTLP_PROTOCOL is grpc, which is not spoken here",
      fix: "give --otlp-endpoint the collector's address for OTLP over HTTP, such as http://collector:4318",
    });
  }
  const headers = pairsOf(
    "OTEL_EXPORTER_OTLP_HEADERS",
    env.OTEL_EXPORTER_OTLP_TRACES_HEADERS || env.OTEL_EXPORTER_OTLP_HEADERS,
    HEADER,
    problems,
  );
  const resource = pairsOf("OTEL_RESOURCE_ATTRIBUTES", env.OTEL_RESOURCE_ATTRIBUTES, ATTRIBUTE, problems);
  const name = env.OTEL_SERVICE_NAME || resource["service.name"] || SERVICE;
  return { otlp: { url, headers, resource: { ...resource, "service.name": name } }, sampler };
}

/** `isBase`: where spans go is below it. */
function urlOf(written: string, isBase: boolean): string | undefined {
  if (!URL.canParse(written)) return undefined;
  const url = new URL(written);
  if (!/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") return undefined;
  if (isBase && !url.pathname.endsWith(`/${TRACES}`))
    url.pathname = `${url.pathname.replace(/\/$/, "")}/${TRACES}`;
  return url.href;
}

/** `name=value,name=value`, as in W3C Baggage; what a value holds is not shown: it may be a key. */
function pairsOf(
  variable: string,
  text: string | undefined,
  names: RegExp,
  problems: UsageProblem[],
): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const pair of (text ?? "").split(",")) {
    const equals = pair.indexOf("=");
    const name = pair.slice(0, equals).trim();
    const plain = equals === -1 ? undefined : decoded(pair.slice(equals + 1).trim());
    if (names.test(name) && plain !== undefined) pairs[name] = plain;
    else if (pair.trim() !== "") {
      problems.push({
        message: `${variable} is no list of name=value`,
        fix: "write name=value,name=value, with signs other than letters and digits as %XX",
      });
      return {};
    }
  }
  return pairs;
}

function decoded(value: string): string | undefined {
  try {
    const plain = decodeURIComponent(value);
    return /^[\x20-\x7e]*$/.test(plain) && plain.length <= MAX_VALUE ? plain : undefined;
  } catch {
    return undefined;
  }
}

function samplerOf(env: Readonly<Record<string, string | undefined>>, problems: UsageProblem[]): Sampler {
  const { OTEL_TRACES_SAMPLER: written, OTEL_TRACES_SAMPLER_ARG: arg } = env;
  const name = SAMPLERS.find((one) => one === (written || "parentbased_always_on"));
  if (name === undefined) {
    problems.push({
      message: `OTEL_TRACES_SAMPLER is ${shown(written ?? "")}`,
      fix: `choose ${SAMPLERS.join(", ")}`,
    });
    return { name: "parentbased_always_on", ratio: 1 };
  }
  if (!name.endsWith("ratio") || !arg) return { name, ratio: 1 };
  const ratio = Number(arg);
  if (!(ratio >= 0 && ratio <= 1)) {
    problems.push({
      message: `OTEL_TRACES_SAMPLER_ARG is ${shown(arg)}`,
      fix: "give the part of traces to keep, from 0 to 1",
    });
  }
  return { name, ratio };
}
