import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { alerts } from "../monitoring/alerts.ts";
import { dashboardsFor } from "../monitoring/dashboards/index.ts";
import { prometheusFiles } from "../monitoring/files.ts";
import { npuExporter } from "../monitoring/metrics.ts";
import type { Targets } from "../monitoring/targets.ts";
import { type Program, post, scheduler, simulator } from "./testing/pd-processes.ts";
import { labelValues, startNpuExporter, startPrometheus, valuesOf } from "./testing/prometheus.ts";

// A real Prometheus that scrapes a real scheduler and simulated instances by the configuration that a stack gets.

const stack = "sim";

/** Completions, streamed and whole, without end, and some that are refused. */
function keepAsking({ url }: Program): void {
  let isOver = false;
  onTestFinished(() => {
    isOver = true;
  });
  const ask = async () => {
    for (let turn = 0; !isOver; turn++) {
      const body = { model: turn % 5 === 4 ? "nobody" : "sim", prompt: `Tell ${turn % 3}.`, max_tokens: 8 };
      await post(`${url}/v1/completions`, JSON.stringify({ ...body, stream: turn % 2 === 0 }))
        .then((response) => response.text())
        .catch(() => {});
      await sleep(20);
    }
  };
  void ask();
}

test("Every query of every dashboard and alert has a value on a stack that serves, and so has every variable.", async () => {
  const instances = await Promise.all([
    simulator("prefill"),
    simulator("prefill"),
    simulator("decode"),
    simulator("decode"),
  ]);
  const [prefill, decode] = [instances.slice(0, 2), instances.slice(2)];
  const served = await scheduler(prefill, decode, { args: ["--metrics-port=0"] });
  const [, metrics] = /^metrics on (\S+)$/m.exec(served.output()) ?? [];
  const exporter = await startNpuExporter(Object.values(npuExporter));
  const targets: Targets = {
    stack,
    scheduler: { address: `${metrics}`, host: "local" },
    instances: instances.map(({ port }, index) => ({
      address: `127.0.0.1:${port}`,
      role: index < 2 ? "prefill" : "decode",
      name: `${index < 2 ? "prefill" : "decode"}-${index % 2}`,
      host: "local",
    })),
    npuExporters: [exporter],
  };
  const prometheus = await startPrometheus(prometheusFiles(targets));
  keepAsking(served);

  const boards = dashboardsFor(targets);
  const wanted = [
    ...boards.flatMap(({ title, rows }) =>
      rows.flatMap(({ panels }) =>
        panels.flatMap((panel) =>
          panel.queries.map(({ expr }) => [`${title}, ${panel.title}`, filledIn(expr)] as const),
        ),
      ),
    ),
    ...alerts.map(({ name, query }) => [name, query] as const),
  ];
  expect(wanted.length).toBeGreaterThan(80);
  for (const [where, query] of wanted) {
    await expect
      .poll(() => valuesOf(prometheus, query), { message: `${where}: ${query}`, timeout: 60_000 })
      .not.toEqual([]);
  }
  for (const { name, metric, of } of boards.flatMap(({ variables }) => variables)) {
    const values = await labelValues(prometheus, of, filledIn(metric));
    expect([name, values]).toEqual([name, expect.arrayContaining([name === "stack" ? stack : "decode-1"])]);
  }
  expect(await valuesOf(prometheus, "ALERTS")).toEqual([]);
});

/** As Grafana does it. */
function filledIn(expr: string): string {
  return expr
    .replaceAll("$stack", stack)
    .replaceAll("$pd_instance", "decode-0")
    .replaceAll("$__rate_interval", "15s");
}
