import { expect, test } from "vitest";
import type { FlagName, UsageProblem } from "./flags.ts";
import { tracingOf } from "./tracing.ts";

function read(env: Record<string, string>, endpoint?: string) {
  const problems: UsageProblem[] = [];
  const given = (name: FlagName) => (name === "otlp-endpoint" && endpoint !== undefined ? [endpoint] : []);
  return { ...tracingOf(env, given, problems), problems };
}

test("Without an endpoint nothing is exported, and traces that begin here are kept by default.", () => {
  expect(read({ OTEL_SERVICE_NAME: "x" })).toEqual({
    otlp: undefined,
    sampler: { name: "parentbased_always_on", ratio: 1 },
    problems: [],
  });
});

test.each<[what: string, env: Record<string, string>, flag: string | undefined, url: string | undefined]>([
  ["the flag", {}, "http://c:4318", "http://c:4318/v1/traces"],
  ["the flag with a path", {}, "https://c/otlp/", "https://c/otlp/v1/traces"],
  ["the flag with the whole path", {}, "http://c:4318/v1/traces", "http://c:4318/v1/traces"],
  ["the variable", { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318" }, undefined, "http://c:4318/v1/traces"],
  [
    "the variable of traces, as it is",
    { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://c/x" },
    undefined,
    "http://c/x",
  ],
  [
    "the variable of traces before that of all",
    { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://a/x", OTEL_EXPORTER_OTLP_ENDPOINT: "http://b" },
    undefined,
    "http://a/x",
  ],
  [
    "the flag before variables",
    { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://a/x" },
    "http://b",
    "http://b/v1/traces",
  ],
  [
    "none with the SDK disabled",
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c", OTEL_SDK_DISABLED: "true" },
    undefined,
    undefined,
  ],
  [
    "none with no exporter",
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c", OTEL_TRACES_EXPORTER: "none" },
    undefined,
    undefined,
  ],
])("Spans go where %s says.", (_what, env, flag, url) => {
  const { otlp, problems } = read(env, flag);

  expect([otlp?.url, problems]).toEqual([url, []]);
});

test("The service's name, its attributes and headers are what OpenTelemetry's variables say.", () => {
  const { otlp } = read(
    {
      OTEL_SERVICE_NAME: "pd",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=lab, service.name=other",
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic%20abc=,x-tenant=t",
    },
    "http://c",
  );

  expect(otlp).toMatchObject({
    headers: { authorization: "Basic abc=", "x-tenant": "t" },
    resource: { "service.name": "pd", "deployment.environment.name": "lab" },
  });
});

test.each<[env: Record<string, string>, flag: string | undefined, message: string]>([
  [{}, "collector:4318", '--otlp-endpoint is "collector:4318", which is no address of OTLP over HTTP'],
  [{}, "http://u:p@c", "--otlp-endpoint has a name or password in it"],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: "c" },
    undefined,
    'OTEL_EXPORTER_OTLP_ENDPOINT is "c", which is no address of OTLP over HTTP',
  ],
  [{ OTEL_TRACES_SAMPLER: "some" }, undefined, 'OTEL_TRACES_SAMPLER is "some"'],
  [
    { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "2" },
    undefined,
    'OTEL_TRACES_SAMPLER_ARG is "2"',
  ],
  [
    { OTEL_EXPORTER_OTLP_HEADERS: "sk-secret" },
    "http://c",
    "OTEL_EXPORTER_OTLP_HEADERS is no list of name=value",
  ],
  [
    { OTEL_EXPORTER_OTLP_HEADERS: "a/b=c" },
    "http://c",
    "OTEL_EXPORTER_OTLP_HEADERS is no list of name=value",
  ],
  [
    { OTEL_EXPORTER_OTLP_HEADERS: "a=b%0d%0ac" },
    "http://c",
    "OTEL_EXPORTER_OTLP_HEADERS is no list of name=value",
  ],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4317", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
    undefined,
    "OTEL_EXPORTER_OTLP_PROTOCOL is grpc, which is not spoken here",
  ],
])("What is wrong is said, and secrets are not: %j %s", (env, flag, message) => {
  expect(read(env, flag).problems).toEqual([{ message, fix: expect.any(String) }]);
});
