import { expect, test } from "vitest";
import { folderWith, promtool } from "../../monitoring/testing/promtool.ts";
import { plan } from "../../planning/make-plan.ts";
import { changedInput } from "../../planning/testing/sample-input.ts";
import { monitoringOf } from "./monitoring.ts";

function rendered(scheduler: object) {
  const result = plan("2p2d", changedInput({ scheduler: { host: "host-a", port: 9000, ...scheduler } }));
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return monitoringOf(result);
}

test("What is written for a Prometheus of one's own is what that takes, with every target at its host's address.", async () => {
  const { files, notes } = rendered({ extraArgs: ["--metrics-port=9464", "--metrics-host=0.0.0.0"] });

  const folder = folderWith(files.map(({ path, content }) => ({ name: path, content })));

  expect(await promtool(folder, "check", "config", "prometheus.yml")).toContain("SUCCESS");
  const addresses = files[0]?.content.match(/\d+\.\d+\.\d+\.\d+:\d+/g);
  expect(addresses).toEqual([
    "10.0.0.18:9464",
    "10.0.0.18:8088",
    "10.0.0.19:8088",
    "10.0.0.18:8089",
    "10.0.0.19:8089",
  ]);
  expect(files.map(({ path }) => path)).toEqual([
    "prometheus.yml",
    "rules.yml",
    "ascend-pd-overview.json",
    "ascend-pd-roles.json",
    "ascend-pd-instance.json",
    "ascend-pd-faults.json",
  ]);
  expect(notes).toEqual([]);
});

test("Metrics that only the scheduler's host reaches are said to be so.", () => {
  const { notes } = rendered({ extraArgs: ["--metrics-port=9464"] });

  expect(notes).toEqual([expect.stringMatching(/127\.0\.0\.1:9464, where only a Prometheus on host-a/)]);
});

test.each([
  [{}, /no port for metrics\nfix: .*--metrics-port/],
  [{ runtime: "ascendcloud" }, /manual's own scheduler.*has no metrics/],
])("A scheduler without metrics (%j) is refused.", (scheduler, message) => {
  expect(() => rendered(scheduler)).toThrow(message);
});
