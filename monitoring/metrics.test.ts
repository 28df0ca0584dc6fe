import { expect, test } from "vitest";
import { METRICS } from "../scheduler/operations/metric-table.ts";
import { Counters, renderMetrics } from "../simulator/metrics.ts";
import { alerts } from "./alerts.ts";
import { dashboardsFor } from "./dashboards/index.ts";
import { engine, npuExporter, scheduler, up } from "./metrics.ts";
import { sampleTargets } from "./testing/targets.ts";

const boards = dashboardsFor(sampleTargets);
const expressions = [
  ...boards
    .flatMap(({ rows }) => rows.flatMap(({ panels }) => panels.flatMap(({ queries }) => queries)))
    .map(({ expr }) => expr),
  ...alerts.map(({ query }) => query),
];
/** Names of metrics as they stand in PromQL, without what a histogram adds. */
const used = new Set(
  expressions.flatMap((expr) =>
    [...expr.matchAll(/\b(?:ascend_pd_|npu_chip_|vllm:|simulator:)\w+|\bup\b/g)].map(([name]) =>
      name.replace(/_bucket$/, ""),
    ),
  ),
);

test("The scheduler exports every metric of its that is asked for.", () => {
  expect(METRICS.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.values(scheduler)));
});

test("The simulator exports every metric of engines that is asked for.", () => {
  const gauges = { running: 0, waiting: 0, kvBlocks: 1, kvBlocksUsed: 0, kvBlocksLeased: 0 };
  const text = renderMetrics({ servedModelName: "m", blockSize: 16 }, [{ gauges, counters: new Counters() }]);

  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);

  expect(names).toEqual(expect.arrayContaining(Object.values(engine)));
});

test("Dashboards and alerts ask for what is in the list, and for all of it.", () => {
  const known = [scheduler, engine, npuExporter].flatMap((list) => Object.values<string>(list));

  expect([...used].sort()).toEqual([...known, up].sort());
});

test("Labels by which the scheduler's series are told apart are those that it gives them.", () => {
  const given = new Set(METRICS.flatMap(({ labels }) => labels));
  // Of the target, of a histogram, of engines, of npu-exporter, and those of Prometheus itself.
  const others = ["stack", "host", "le", "finished_reason", "id", "instance", "job"];

  const wanted = expressions.flatMap((expr) =>
    [...expr.matchAll(/by \(([^)]*)\)|[{,]\s*(\w+)=/g)].flatMap(
      ([, group, matcher]) => group?.split(", ") ?? [matcher ?? ""],
    ),
  );

  expect(wanted.filter((label) => !given.has(label) && !others.includes(label))).toEqual([]);
});
