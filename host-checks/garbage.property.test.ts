import fc from "fast-check";
import { expect, test } from "vitest";
import { hostFacts, readSections } from "./facts.ts";
import { checkHosts } from "./index.ts";
import { imageFor, sampleContainer, sampleHosts, sampleReport, section } from "./testing/sample-report.ts";

const hosts = sampleHosts();
const [host] = hosts;
if (host === undefined) throw new Error("the sample has two hosts");
const healthy = sampleReport(host);

/** Anything, or a healthy answer with some characters lost, changed or put in. */
const garbage = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc
    .array(fc.tuple(fc.nat(healthy.output.length), fc.nat(200), fc.string({ unit: "binary" })), {
      maxLength: 6,
    })
    .map((edits) =>
      edits.reduce(
        (text, [at, lost, put]) => text.slice(0, at) + put + text.slice(at + lost),
        healthy.output,
      ),
    ),
);

const text = fc.string({ unit: "binary", maxLength: 300 });

const container = fc
  .record({
    name: text,
    env: fc.array(text),
    runtime: fc.constantFrom("ascend", "runc"),
    privileged: fc.boolean(),
  })
  .map(({ name, env, runtime, privileged }) =>
    sampleContainer(name, {
      "Config.Env": env,
      "HostConfig.Runtime": runtime,
      "HostConfig.Privileged": privileged,
      "HostConfig.Devices": [{ PathOnHost: "/dev/davinci4" }],
    }),
  );

const engine = fc.oneof(
  fc.constant(healthy.engine),
  fc.record({ unreadable: text }),
  fc.record({
    value: fc.record({
      version: fc.record({
        Version: text,
        ApiVersion: text,
        Arch: text,
        Components: fc.array(fc.record({ Name: text }), { maxLength: 2 }),
      }),
      info: fc.record({
        DockerRootDir: text,
        SecurityOptions: fc.array(text.map((one) => `name=userns${one}`)),
      }),
      listed: fc.constant([]),
      alive: fc.array(container, { maxLength: 3 }),
      images: text.map((built) => new Map(host.images.map((name) => [name, imageFor(built)]))),
    }),
  }),
);

test("Whatever a host answers gets a verdict on every check, and nothing of it is a command to a terminal.", () => {
  fc.assert(
    fc.property(garbage, engine, (output, engine) => {
      const facts = hosts.map((one) => hostFacts(one, { ...healthy, output, engine }));

      for (const { results } of checkHosts(facts)) {
        for (const { seen, fixes } of results) {
          expect(seen.length).toBeGreaterThan(0);
          for (const text of [...seen, ...fixes]) expect(text).toMatch(/^([\t\n]|[^\p{Cc}\p{Cf}]){0,600}$/u);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test("An answer that was cut off anywhere makes no healthy host a broken one.", () => {
  fc.assert(
    fc.property(fc.nat(healthy.output.length), (length) => {
      const facts = hostFacts(host, {
        ...healthy,
        output: healthy.output.slice(0, length),
        failure: "cut off",
      });

      const results = checkHosts([facts])[0]?.results ?? [];

      const failing = results.filter(({ status }) => status === "error" || status === "warning");
      expect(failing.filter(({ code }) => length > 0 || code !== "HC101")).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test("No tool's output can forge a section.", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const sections = readSections(
        section("board", `${text}\n@tcp\n0100007F:1F98\n=0\n`) + section("tcp", "real"),
      );

      expect(sections.get("tcp")).toEqual({ value: "real" });
    }),
  );
});
