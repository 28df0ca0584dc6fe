import fc from "fast-check";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { labelsOf } from "../../planning/container/settings.ts";
import type { ContainerPlan, Plan } from "../../planning/plan.ts";
import { hostilePlan, hostOf, samplePlan } from "../testing/rendered.ts";
import { compose } from "./compose.ts";

/**
 * The file as Compose takes it: YAML, also as of 1.1, to which more words are numbers, dates and booleans, whose values
 * have `$$` for `$`; a lone `$` would be a variable.
 */
function read(file: string) {
  const reviver = (_: unknown, value: unknown) => {
    if (typeof value !== "string") return value;
    expect(value.replaceAll("$$", "")).not.toContain("$");
    return value.replaceAll("$$", "$");
  };
  const value = parse(file, reviver);
  expect(parse(file, reviver, { version: "1.1" })).toEqual(value);
  return value;
}

/** What every service must be by the Plan, but for the names of its configs. */
function expected(plan: Plan, container: ContainerPlan) {
  const { name, role, image, command, env, devices, mounts, user, restricted, stopTimeoutSeconds } =
    container;
  const { sharedMemoryMib, memoryMib, ipc, ulimits } = container;
  return {
    container_name: name,
    image: image.kind === "source" ? `ascend-pd/${image.folder}:${plan.stack}` : image.name,
    command,
    environment: env,
    devices: devices.map(({ hostPath, containerPath }) => `${hostPath}:${containerPath}:rwm`),
    volumes: mounts.map(({ source, target, readOnly }) => ({
      type: "bind",
      source,
      target,
      read_only: readOnly,
      bind: { create_host_path: false },
    })),
    ...(user === undefined ? {} : { user }),
    ...(sharedMemoryMib === undefined ? {} : { shm_size: `${sharedMemoryMib}m` }),
    ...(memoryMib === undefined ? {} : { mem_limit: `${memoryMib}m`, memswap_limit: `${memoryMib}m` }),
    ...(ipc === undefined ? {} : { ipc }),
    ...(ulimits === undefined ? {} : { ulimits }),
    ...(restricted ? { cap_drop: ["ALL"], security_opt: ["no-new-privileges"] } : {}),
    network_mode: "host",
    restart: "unless-stopped",
    stop_grace_period: `${stopTimeoutSeconds}s`,
    logging: { driver: "json-file", options: { "max-size": "50m", "max-file": "3" } },
    labels: labelsOf(plan.stack, role),
  };
}

test("A secret comes from the environment of whoever runs it, by name.", () => {
  const plan = samplePlan();
  const containers = plan.containers.map((one) => ({ ...one, secretEnv: ["HF_TOKEN"] }));

  const { services } = read(compose({ ...plan, containers }, hostOf(plan)));

  expect(services["two-prefill-0"].environment).toMatchObject({ HF_TOKEN: null });
});

test("Whatever its text holds, every container of the Plan is a service as it is, with its files.", () => {
  fc.assert(
    fc.property(hostilePlan, (plan) => {
      const { services, configs } = read(compose(plan, hostOf(plan)));

      const own = plan.containers.filter(({ host }) => host === "host-a");
      expect(Object.keys(services)).toEqual(own.map(({ name }) => name));
      for (const container of own) {
        const { configs: used, healthcheck, depends_on, pull_policy, ...service } = services[container.name];
        expect(service).toEqual(expected(plan, container));
        const files = used.map(({ source, target, mode }: Record<string, string>) => {
          expect(mode).toBe("0644");
          return { path: target, content: configs[source ?? ""].content };
        });
        expect(files).toEqual(container.files);
      }
    }),
    { numRuns: 300 },
  );
});

test("White space at the begin of a text of several lines stays.", () => {
  const plan = samplePlan();
  const env = { BLANK: " \n", INDENTED: "  a\n b\n" };
  const containers = plan.containers.map((container) => ({ ...container, env }));

  const { services } = read(compose({ ...plan, containers }, hostOf(plan)));

  expect(services[containers[0]?.name ?? ""].environment).toEqual(env);
});

test("Each container may have content of its own at a path that others use too.", () => {
  const plan = samplePlan();
  const containers = plan.containers.map((container) => ({
    ...container,
    files: [
      { path: "/etc/table", content: container.name },
      { path: "/usr/table", content: "shared" },
    ],
  }));

  const { services, configs } = read(compose({ ...plan, containers }, hostOf(plan)));

  const contents = Object.values<{ configs: { source: string }[] }>(services).map((service) =>
    service.configs.map(({ source }) => configs[source].content),
  );
  expect(contents).toEqual([
    ["two-prefill-0", "shared"],
    ["two-decode-0", "shared"],
    ["two-scheduler", "shared"],
  ]);
  expect(Object.keys(configs)).toHaveLength(4);
});

test("The scheduler waits for the instances of its host; where others are, the file says to start them first.", () => {
  const plan = samplePlan();

  const [a, b] = [compose(plan, hostOf(plan)), compose(plan, hostOf(plan, "host-b"))];

  const { "two-scheduler": scheduler, ...instances } = read(a).services;
  expect(scheduler.depends_on).toEqual({
    "two-prefill-0": { condition: "service_healthy" },
    "two-decode-0": { condition: "service_healthy" },
  });
  for (const { healthcheck, depends_on } of Object.values<typeof scheduler>(instances)) {
    expect(healthcheck.test.at(-1)).toMatch(/^http:\/\/127\.0\.0\.1:808[89]\/health$/);
    expect(depends_on).toBeUndefined();
  }
  expect(a).toContain("first bring up host-b.");
  expect(b).not.toContain("first bring up");
});

test("An image of this repository is never asked of a registry; the file says how to build it.", () => {
  const plan = samplePlan();

  const file = compose(plan, hostOf(plan));

  expect(read(file).services["two-scheduler"].pull_policy).toBe("never");
  expect(file).not.toMatch(/[&*]a\d/);
  expect(file).toContain("docker --host ssh://root@10.0.0.18 build --tag ascend-pd/scheduler:two ");
});

test("The project has a name that Compose takes, whatever the stack's is.", () => {
  const plan = { ...samplePlan(), stack: "My.Stack" };

  expect(read(compose(plan, hostOf(plan))).name).toBe("my-stack");
});
