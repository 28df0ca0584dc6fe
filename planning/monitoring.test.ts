import { expect, test } from "vitest";
import { parse } from "yaml";
import { plan as makePlan } from "./make-plan.ts";
import type { ContainerPlan, Plan } from "./plan.ts";
import { type Changes, changedInput } from "./testing/sample-input.ts";

const monitoring = () => ({
  host: "host-a",
  prometheus: { image: "prom/prometheus:v3.5.0" },
  grafana: { image: "grafana/grafana:12.2.0" },
});

function planned(changes: Changes): Plan {
  const result = makePlan("2p2d", changedInput({ monitoring: monitoring(), ...changes }));
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.plan;
}

function problems(changes: Changes) {
  const result = makePlan("2p2d", changedInput({ monitoring: monitoring(), ...changes }));
  return "problems" in result ? result.problems : result.warnings;
}

const container = (plan: Plan, role: ContainerPlan["role"]): ContainerPlan => {
  const found = plan.containers.find((one) => one.role === role);
  if (found === undefined) throw new Error(`no ${role}`);
  return found;
};

const fileOf = ({ files }: ContainerPlan, end: string): string =>
  files.find(({ path }) => path.endsWith(end))?.content ?? "";

const targets = (plan: Plan): string[] =>
  parse(fileOf(container(plan, "prometheus"), "/prometheus.yml")).scrape_configs.flatMap(
    ({ static_configs }: { static_configs: { targets: string[] }[] }) =>
      static_configs.flatMap((one) => one.targets),
  );

test("Prometheus asks the scheduler on the loopback that they share, and every instance, of several hosts their heads.", () => {
  const plan = planned({ "monitoring.npuExporters": ["10.0.0.18:8082"] });

  expect(targets(plan)).toEqual([
    "127.0.0.1:9464",
    ...["10.0.0.18:8088", "10.0.0.19:8088", "10.0.0.18:8089", "10.0.0.19:8089"],
    "10.0.0.18:8082",
  ]);
  expect(container(plan, "scheduler").command).toEqual(
    expect.arrayContaining(["--metrics-port=9464", "--metrics-host=127.0.0.1"]),
  );
});

test("On another host it asks the scheduler at its host's address, where that then listens.", () => {
  const plan = planned({ "monitoring.host": "host-b", "monitoring.metricsPort": 9470 });

  expect(targets(plan)[0]).toBe("10.0.0.18:9470");
  expect(container(plan, "scheduler").command).toEqual(
    expect.arrayContaining(["--metrics-port=9470", "--metrics-host=10.0.0.18"]),
  );
});

test("An instance more changes what Prometheus is given, and nothing of Grafana.", () => {
  const [before, after] = [
    planned({}),
    planned({
      "decode[2]": { host: "host-a", devices: [2, 3], port: 8090 },
      "hosts.host-a.deviceIps.2": "29.0.0.9",
      "hosts.host-a.deviceIps.3": "29.0.0.10",
    }),
  ];

  expect(targets(after)).toEqual([...targets(before), "10.0.0.18:8090"]);
  expect(container(after, "grafana")).toEqual(container(before, "grafana"));
});

test("Neither is root, may gain rights, or use more than its memory, and both listen on the loopback.", () => {
  const plan = planned({});

  for (const role of ["prometheus", "grafana"] as const) {
    const { user, restricted, memoryMib, address, npus, devices, mounts } = container(plan, role);
    expect(user).toMatch(/^[1-9]/);
    expect({ restricted, address, npus, devices, mounts }).toEqual({
      ...{ restricted: true, address: "127.0.0.1", npus: [], devices: [], mounts: [] },
    });
    expect(memoryMib).toBeGreaterThan(0);
  }
  expect(container(plan, "prometheus").command).toEqual(
    expect.arrayContaining([
      "--web.listen-address=127.0.0.1:9090",
      "--storage.tsdb.retention.time=15d",
      "--storage.tsdb.retention.size=10GB",
    ]),
  );
});

test("Grafana's password is a secret that the Plan does not have, and Prometheus is its source.", () => {
  const grafana = container(planned({ "monitoring.prometheus.address": "0.0.0.0" }), "grafana");

  expect(grafana.secretEnv).toEqual(["GF_SECURITY_ADMIN_PASSWORD"]);
  expect(parse(fileOf(grafana, "datasources/prometheus.yml")).datasources).toMatchObject([
    { type: "prometheus", url: "http://127.0.0.1:9090", isDefault: true },
  ]);
  const home = grafana.env.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH ?? "none";
  expect(JSON.parse(fileOf(grafana, home)).uid).toBe("ascend-pd-overview");
});

test.each([
  [{ "monitoring.host": "host-c" }, "PD101", "monitoring.host"],
  [{ "monitoring.prometheus.port": 8088 }, "PD110", "monitoring.prometheus.port"],
  [{ "monitoring.grafana.port": 9090 }, "PD110", "monitoring.grafana.port"],
  [{ "monitoring.metricsPort": 9000 }, "PD110", "monitoring.metricsPort"],
  [{ "scheduler.page": { port: 9000 } }, "PD110", "scheduler.page.port"],
  [{ "monitoring.grafana.port": 40000 }, "PD114", "monitoring.grafana.port"],
  [{ "decode[0].name": "grafana" }, "PD119", "decode[0].name"],
  [{ "scheduler.extraArgs": ["--metrics-port=9001"] }, "PD172", "scheduler.extraArgs[0]"],
  [{ "scheduler.extraArgs": ["--engine-tls-ca=/ca.pem"] }, "PD173", "scheduler.extraArgs[0]"],
  [{ "prefill[0].extraArgs": ["--ssl-certfile=/c.pem"] }, "PD173", "prefill[0].extraArgs[0]"],
  [{ "scheduler.runtime": "ascendcloud" }, "PD171", "monitoring"],
  [{ "monitoring.npuExporters": ["10.0.0.18"] }, "PD003", "monitoring.npuExporters[0]"],
])("%j is refused by %s.", (changes, code, path) => {
  expect(problems(changes)).toMatchObject([{ code, path }]);
});

test("A page elsewhere than on the loopback makes its token a secret of the scheduler; on it there is none.", () => {
  const [there, here] = [{ port: 9002, address: "10.0.0.18" }, { port: 9002 }].map((page) =>
    container(planned({ "scheduler.page": page }), "scheduler"),
  );

  expect(there?.secretEnv).toEqual(["ASCEND_PD_PAGE_TOKEN"]);
  expect(there?.command).toEqual(expect.arrayContaining(["--page-port=9002", "--page-host=10.0.0.18"]));
  expect(here?.secretEnv).toBeUndefined();
  expect(here?.command).toEqual(expect.arrayContaining(["--page-port=9002", "--page-host=127.0.0.1"]));
});
