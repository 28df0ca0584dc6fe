import fc from "fast-check";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { plan } from "../../planning/make-plan.ts";
import { deployments } from "../testing/sample-deployments.ts";
import { importedStackFile } from "./imported-stack-file.ts";
import { deploymentOf } from "./tables/deployment.ts";
import { readServerGroups } from "./tables/servers.ts";

/** What people fill in, by the key that holds the placeholder. */
const answers: Readonly<Record<string, unknown>> = {
  image: "ascendcloud:1",
  source: "/data",
  target: "/data",
  path: "/data/model",
  servedName: "model",
  maxModelLen: 4096,
  maxNumSeqs: 256,
  maxNumBatchedTokens: 4096,
  hostKey: "ssh-ed25519 AAAA",
};

function filledIn(value: unknown, key = ""): unknown {
  if (typeof value === "string" && value.includes("<user>")) return value.replace("<user>", "root");
  if (typeof value === "string" && value.startsWith("<")) return answers[key];
  if (Array.isArray(value)) return value.map((one) => filledIn(one, key));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, filledIn(inner, name)]));
}

test("An imported deployment plans the same global table and NODE_PORTS, once it is filled in.", () => {
  fc.assert(
    fc.property(deployments, ({ input }) => {
      const original = plan("s", input);
      if ("problems" in original) throw new Error(JSON.stringify(original.problems));
      const { rankTables, containers } = original.plan;
      const groups = readServerGroups(rankTables.global.content, "global.json");
      const instances = containers.slice(0, -1).map(({ port }) => port);

      const text = importedStackFile(deploymentOf(groups, { instances, scheduler: 9000 }), "global.json");

      const deployment = parse(text).config["ascend-pd:deployment"];
      const blank = plan("s", deployment);
      const again = plan("s", filledIn(deployment));
      expect("problems" in blank && blank.problems.map(({ code }) => code)).toEqual(
        expect.arrayContaining(["PD010"]),
      );
      if ("problems" in again) throw new Error(JSON.stringify(again.problems));
      expect(again.plan.rankTables.global).toEqual(rankTables.global);
      expect(again.plan.containers[0]?.env.NODE_PORTS).toBe(instances.join());
    }),
    { numRuns: 100 },
  );
});

test("Every placeholder is refused by name, and nothing else is.", () => {
  const groups = {
    scheduler: [{ server_id: "10.0.0.18", server_ip: "10.0.0.18" }],
    prefill: [entry("10.0.0.18", "4", "29.0.0.22")],
    decode: [entry("10.0.0.18", "6", "29.0.0.56")],
  };

  const text = importedStackFile(
    deploymentOf(groups, { instances: [8088, 8089], scheduler: 9000 }),
    "a\nb: c",
  );
  const result = plan("s", parse(text).config["ascend-pd:deployment"]);

  if (!("problems" in result)) throw new Error("placeholders were planned");
  expect(result.problems.map(({ code, path }) => [code, path])).toEqual(
    [
      "engine.image",
      "engine.workDir.source",
      "engine.workDir.target",
      "hosts.host-10-0-0-18.docker",
      "hosts.host-10-0-0-18.hostKey",
      "model.maxModelLen",
      "model.maxNumBatchedTokens",
      "model.maxNumSeqs",
      "model.path",
      "model.servedName",
    ].map((path) => ["PD010", path]),
  );
});

function entry(ip: string, device_id: string, device_ip: string) {
  return { server_id: ip, server_ip: ip, device: [{ device_id, device_ip, rank_id: "0" }] };
}
