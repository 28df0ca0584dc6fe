import { expect, test } from "vitest";
import { stringify } from "yaml";
import { alerts, runbookOf } from "./alerts.ts";
import { prometheusFiles } from "./files.ts";
import { scheduler as own, up } from "./metrics.ts";
import { jobs } from "./targets.ts";
import { folderWith, promtool } from "./testing/promtool.ts";
import { sampleTargets } from "./testing/targets.ts";

test("Prometheus takes the configuration and all ten rules.", async () => {
  const folder = folderWith(prometheusFiles(sampleTargets));

  const said = await promtool(folder, "check", "config", "prometheus.yml");

  expect(said).toContain("SUCCESS: prometheus.yml is valid");
  expect(said).toContain("10 rules found");
});

/** A series of samples a minute apart, in promtool's notation. */
type Series = readonly [name: string, values: string];

interface Case {
  /** After so many minutes. */
  readonly at: string;
  readonly bad: readonly Series[];
  readonly good: readonly Series[];
  /** Labels of the alert besides its severity. */
  readonly labels: Readonly<Record<string, string>>;
}

const instance = 'role="decode",pd_instance="decode-0",stack="2p2d",job="s"';
const ofStack = 'stack="2p2d",job="s"';
const labels = { stack: "2p2d", role: "decode", pd_instance: "decode-0" };
const gauge = (metric: string, at: string, bad: string, good: string): Case => ({
  at,
  bad: [[`${metric}{${instance}}`, bad]],
  good: [[`${metric}{${instance}}`, good]],
  labels,
});
const requests = (status: string, values: string): Series => [
  `${own.requests}{${ofStack},path="/v1/completions",outcome="x",status="${status}"}`,
  values,
];
const bucket = (le: string, values: string): Series => [
  `${own.timeToFirstToken}_bucket{${ofStack},le="${le}"}`,
  values,
];

const cases: Readonly<Record<string, Case>> = {
  AscendPdSchedulerDown: {
    at: "3m",
    bad: [[`${up}{job="${jobs.scheduler}",stack="2p2d"}`, "0x10"]],
    good: [[`${up}{job="${jobs.scheduler}",stack="2p2d"}`, "1x10"]],
    labels: { stack: "2p2d", job: jobs.scheduler },
  },
  AscendPdNotReady: {
    at: "3m",
    bad: [[`${own.ready}{${ofStack}}`, "0x10"]],
    good: [[`${own.ready}{${ofStack}}`, "0 0 1x10"]],
    labels: { stack: "2p2d" },
  },
  AscendPdInstanceUnhealthy: gauge(own.instanceHealthy, "3m", "0x10", "0 1x10"),
  AscendPdInstanceStalled: gauge(own.instanceStalled, "2m", "1x10", "0x10"),
  AscendPdInstanceDrained: gauge(own.instanceDraining, "45m", "1x60", "1x20 0x60"),
  AscendPdRequestsFail: {
    at: "20m",
    bad: [requests("200", "0+90x30"), requests("503", "0+10x30")],
    good: [requests("200", "0+99x30"), requests("503", "0+1x30")],
    labels: { stack: "2p2d" },
  },
  AscendPdRequestsWait: {
    at: "20m",
    bad: [[`${own.requestsWaiting}{${ofStack}}`, "1x30"]],
    good: [[`${own.requestsWaiting}{${ofStack}}`, "1 1 1 0 1 1 1 0 1 1 1 0 1 1 1 0 1 1 1 0 1 1 1"]],
    labels: { stack: "2p2d" },
  },
  AscendPdFirstTokenSlow: {
    at: "30m",
    bad: [bucket("10", "0+8x40"), bucket("20", "0+10x40"), bucket("+Inf", "0+10x40")],
    good: [bucket("10", "0+10x40"), bucket("20", "0+10x40"), bucket("+Inf", "0+10x40")],
    labels: { stack: "2p2d" },
  },
  AscendPdKvNotFetched: gauge(own.kvExpired, "10m", "0x5 1x20", "7x30"),
  AscendPdPromptsRecomputed: {
    at: "20m",
    bad: [requests("200", "0+100x30"), [`${own.recomputed}{${ofStack}}`, "0+10x30"]],
    good: [requests("200", "0+100x30"), [`${own.recomputed}{${ofStack}}`, "0x30"]],
    labels: { stack: "2p2d" },
  },
};

test("Every alert has its cases.", () => {
  expect(Object.keys(cases)).toEqual(alerts.map(({ name }) => name));
});

test.each(alerts)(
  "$name fires when it should, names what it is about, and is silent otherwise.",
  async (alert) => {
    const { at, bad, good, labels } = cases[alert.name] as Case;
    const unit = (series: readonly Series[], firing: readonly object[]) => ({
      interval: "1m",
      input_series: series.map(([name, values]) => ({ series: name, values })),
      alert_rule_test: [{ eval_time: at, alertname: alert.name, exp_alerts: firing }],
    });
    const [, rules] = prometheusFiles(sampleTargets);
    const test = {
      rule_files: ["rules.yml"],
      evaluation_interval: "15s",
      tests: [
        unit(bad, [
          {
            exp_labels: { ...labels, severity: alert.severity },
            exp_annotations: { summary: summaries[alert.name], runbook_url: runbookOf(alert) },
          },
        ]),
        unit(good, []),
      ],
    };
    const folder = folderWith([...(rules ? [rules] : []), { name: "test.yml", content: stringify(test) }]);

    expect(await promtool(folder, "test", "rules", "test.yml")).toContain("SUCCESS");
  },
);

const where = "decode-0 of 2p2d";

/** What people read. */
const summaries: Readonly<Record<string, string>> = {
  AscendPdSchedulerDown: "The scheduler of 2p2d does not answer on its port for metrics.",
  AscendPdNotReady: "The scheduler of 2p2d refuses requests: a role has no instance.",
  AscendPdInstanceUnhealthy: `${where} does not answer its health check.`,
  AscendPdInstanceStalled: `${where} answers its health check, and its requests stand still.`,
  AscendPdInstanceDrained: `${where} has been drained for half an hour.`,
  AscendPdRequestsFail: "10% of the requests of 2p2d fail.",
  AscendPdRequestsWait: "Requests of 2p2d have waited for their turn all the time: it is full.",
  AscendPdFirstTokenSlow: "One stream in ten of 2p2d waits 15s for its first token.",
  AscendPdKvNotFetched: `${where} kept KV cache until its lease was over: decode did not fetch it.`,
  AscendPdPromptsRecomputed: "Decode computes the prompts of 10% of the requests of 2p2d.",
};
