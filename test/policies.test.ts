import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run, tryRun } from "../toolchain/context.ts";

// Programs that are not ours, previewed by the real engine under our policy pack. Nothing is deployed.
const pack = resolve("policies");
let project: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "ascend-pd-policies-"));
  env = {
    ...process.env,
    PULUMI_BACKEND_URL: `file://${join(project, "backend")}`,
    PULUMI_CONFIG_PASSPHRASE: "",
  };
  await mkdir(join(project, "backend"));
  await symlink(resolve("node_modules"), join(project, "node_modules"));
  await writeFile(
    join(project, "Pulumi.yaml"),
    "name: fixture\nruntime: { name: nodejs, options: { typescript: false } }\nmain: index.js\n",
  );
  await writeFile(join(project, "package.json"), '{ "type": "module" }');
  await run("pulumi", ["stack", "init", "test"], { cwd: project, env });
});

afterAll(() => rm(project, { recursive: true }));

/** Previews a program of these containers. */
async function preview(
  containers: Readonly<Record<string, object>>,
): Promise<{ code: number; output: string }> {
  const lines = Object.entries(containers).map(([name, args]) => {
    const inputs = JSON.stringify({ name, image: "node:24-slim", ...args });
    return `new docker.Container("${name}", ${inputs});`;
  });
  await writeFile(
    join(project, "index.js"),
    ['import * as docker from "@pulumi/docker";', ...lines].join("\n"),
  );
  const { code, stdout, stderr } = await tryRun(
    "pulumi",
    ["preview", "--stack", "test", "--policy-pack", pack, "--non-interactive", "--color=never"],
    { cwd: project, env },
  );
  return { code, output: stdout + stderr };
}

const npu = (id: number) => ({
  devices: [{ hostPath: `/dev/davinci${id}`, containerPath: `/dev/davinci${id}`, permissions: "rwm" }],
});

test("a program that keeps to all policies passes", async () => {
  const { code, output } = await preview({
    "decode-0": { ...npu(4), mounts: [{ type: "bind", source: "/data/models", target: "/data/models" }] },
    "decode-1": { ...npu(5), privileged: false },
  });

  expect(output).toContain("+ 3 to create");
  expect(output).toMatch(/✅.*ascend-pd@/);
  expect(code).toBe(0);
});

test("a privileged container is refused", async () => {
  const { code, output } = await preview({ "decode-0": { privileged: true }, "decode-1": {} });

  expect(violations(output)).toEqual(["no-privileged-container decode-0"]);
  expect(output).toContain("decode-0 is privileged");
  expect(code).not.toBe(0);
});

test("a container that mounts the Docker socket is refused", async () => {
  const socket = { type: "bind", source: "/var/run/docker.sock", target: "/var/run/docker.sock" };

  const { code, output } = await preview({ "decode-0": {}, spy: { mounts: [socket] } });

  expect(violations(output)).toEqual(["no-docker-socket spy"]);
  expect(output).toContain("spy mounts /var/run/docker.sock of the host");
  expect(code).not.toBe(0);
});

test("two containers with the same NPU are refused", async () => {
  const { code, output } = await preview({ "prefill-0": npu(4), "decode-0": npu(4), "decode-1": npu(5) });

  expect(violations(output)).toEqual([expect.stringMatching(/^npu-held-once (prefill|decode)-0$/)]);
  expect(output).toMatch(/\/dev\/davinci4 of \S+ is given to (prefill|decode)-0 and to (prefill|decode)-0/);
  expect(code).not.toBe(0);
});

/** `<policy> <resource>` of each violation in the engine's report. */
function violations(output: string): string[] {
  return [...output.matchAll(/\[mandatory\].*?(\S+) +\(.*: (.*)\)$/gm)].map(
    ([, policy, at]) => `${policy} ${at}`,
  );
}
