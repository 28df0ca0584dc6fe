import { afterAll, beforeAll, expect, test } from "vitest";
import { callEngine, engineAt } from "../docker/api.ts";
import { alerts } from "../monitoring/alerts.ts";
import { defaultCacheDir } from "../toolchain/cache.ts";
import { ensurePrometheusImage, prometheusImage } from "../toolchain/prometheus.ts";
import { labelValues, valuesOf } from "./testing/prometheus.ts";
import {
  containersOf,
  docker,
  fileOf,
  inspectContainer,
  planOf,
  simulated1p1d,
  type TestStack,
  testStack,
} from "./testing/stacks.ts";

// A stack with its own Prometheus, on the real Pulumi engine and a real Docker Engine; each test goes on from where the
// one before it stopped.
const name = "e2e-monitoring";
const deployment = {
  ...simulated1p1d(18420),
  monitoring: {
    host: "local",
    metricsPort: 18423,
    prometheus: { image: prometheusImage, port: 18424, memoryMib: 512 },
  },
};
const prometheus = "http://127.0.0.1:18424";
let stack: TestStack;

beforeAll(async () => {
  const context = { cacheDir: defaultCacheDir(), say: (line: string) => console.log(line) };
  await ensurePrometheusImage(context, engineAt(docker, []));
  stack = await testStack(name);
});

afterAll(() => stack.dispose());

test("up brings a Prometheus that has all targets of the stack, all of them answering, and every rule.", async () => {
  await stack.configure(deployment);

  const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");

  expect({ code, output }).toMatchObject({ code: 0 });
  await expect.poll(() => valuesOf(prometheus, "up"), { timeout: 120_000 }).toEqual([1, 1, 1]);
  expect(await labelValues(prometheus, "stack", "ascend_pd_ready")).toEqual([name]);
  const rules = (await (await fetch(`${prometheus}/api/v1/rules`)).json()) as {
    data: { groups: { rules: { name: string }[] }[] };
  };
  expect(rules.data.groups.flatMap((group) => group.rules.map((rule) => rule.name))).toEqual(
    alerts.map((alert) => alert.name),
  );
});

test("It is not root, has no capability and so much memory, and its files and its data's volume are the stack's.", async () => {
  const plan = planOf(name, deployment).containers.find(({ role }) => role === "prometheus");

  const { Config, HostConfig, Mounts } = await inspectContainer(`${name}-prometheus`);

  expect(Config.User).toBe("65534:65534");
  expect(HostConfig).toMatchObject({
    CapDrop: ["ALL"],
    Memory: 2 ** 29,
    MemorySwap: 2 ** 29,
    Privileged: false,
  });
  expect(Mounts).toMatchObject([
    { Type: "volume", Name: `${name}-prometheus-data`, Destination: "/prometheus" },
  ]);
  expect(plan?.files.map(({ path }) => path)).toEqual([
    "/etc/ascend-pd/prometheus.yml",
    "/etc/ascend-pd/rules.yml",
  ]);
  for (const { path, content } of plan?.files ?? []) {
    expect(await fileOf(`${name}-prometheus`, path)).toEqual({ content, mode: 0o644, owner: 0 });
  }
});

test("A preview right after up shows no changes.", async () => {
  const { code, output } = await stack.pulumi("preview", "--expect-no-changes");

  expect(output).not.toMatch(/to (create|update|replace|delete)/);
  expect(code).toBe(0);
});

test("The policy pack passes the deployment.", async () => {
  const { code, output } = await stack.pulumi("preview", "--policy-pack", "policies");

  expect({ code, output }).toMatchObject({ code: 0 });
});

test("Another instance has Prometheus made anew with its address, and its data stay.", async () => {
  await stack.configure({
    ...deployment,
    decode: [...deployment.decode, { host: "local", devices: [0, 1], port: 18425 }],
  });

  const { replace = [] } = await stack.previewed();

  expect(replace).toEqual(expect.arrayContaining([`${name}-prometheus`, `${name}-prometheus-running`]));
  expect(replace).not.toContain(`${name}-prometheus-data`);
});

test("Destroy leaves no container, and no volume.", async () => {
  const { code } = await stack.pulumi("destroy", "--yes", "--skip-preview");

  expect(code).toBe(0);
  expect(await containersOf(name)).toEqual([]);
  expect((await callEngine(docker, `/volumes/${name}-prometheus-data`)).status).toBe(404);
});
