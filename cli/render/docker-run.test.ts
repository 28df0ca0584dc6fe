import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { labelsOf } from "../../planning/container/settings.ts";
import type { ContainerPlan, HostPlan, Plan } from "../../planning/plan.ts";
import { hostilePlan, hostOf, samplePlan } from "../testing/rendered.ts";
import { inTemporaryFolder } from "../testing/temporary-folder.ts";
import { dockerRun } from "./docker-run.ts";

const folder = inTemporaryFolder();

beforeEach(() => {
  // Records its arguments, with a NUL after each; what is copied into a container lands in a folder of its name.
  program(
    "docker",
    `printf '%s\\0' "$#" "$@" >> "$folder/calls"
case $1-$2 in
  container-inspect) [ "$3" != --format ] || exec echo "\${RESTARTS:-0}"; case " $EXISTING " in *" $3 "*) ;; *) exit 1 ;; esac ;;
  version-) [ -z "$NO_ENGINE" ] ;;
  image-inspect) [ -z "$NO_IMAGE" ] ;;
  cp--) mkdir -p "$folder/files/\${3%:/}" && tar -xf - -C "$folder/files/\${3%:/}" ;;
  ps-*) echo 1234 ;;
  inspect-*) echo "/other holds $HELD" ;;
esac`,
  );
  program("curl", `printf '%s\\n' "$@" >> "$folder/requests"; [ -z "$SILENT" ]`);
});

function program(name: string, body: string): void {
  writeFileSync(join(folder(), name), `#!/bin/sh\n${body}\n`);
  chmodSync(join(folder(), name), 0o755);
}

/** Runs the script of a host by the system's shell; docker and curl are the two above. */
function run(plan: Plan, host: HostPlan, env: Readonly<Record<string, string>> = {}) {
  for (const name of ["calls", "requests", "files"])
    rmSync(join(folder(), name), { recursive: true, force: true });
  const { status, stderr } = spawnSync("sh", {
    input: dockerRun(plan, host),
    env: { PATH: `${folder()}:/usr/bin:/bin`, TMPDIR: folder(), folder: folder(), ...env },
    encoding: "utf8",
  });
  const calls = recorded();
  const created = calls.filter(([verb]) => verb === "create").map(containerOf);
  const requests = existsSync(join(folder(), "requests"))
    ? readFileSync(join(folder(), "requests"), "utf8")
    : "";
  return { status, stderr, calls, created, requests };
}

function recorded(): string[][] {
  if (!existsSync(join(folder(), "calls"))) return [];
  const words = readFileSync(join(folder(), "calls"), "utf8").split("\0");
  const calls: string[][] = [];
  for (let at = 0; at < words.length - 1; at += Number(words[at]) + 1) {
    calls.push(words.slice(at + 1, at + 1 + Number(words[at])));
  }
  return calls;
}

/** The container that arguments of `docker create` ask for, read as Docker reads them. */
function containerOf([, ...args]: readonly string[]) {
  const flags: Record<string, string[]> = {};
  let at = 0;
  for (let arg = args[at]; arg?.startsWith("--"); arg = args[at]) {
    const [flag = "", ...value] = arg.split("=");
    flags[flag] = [...(flags[flag] ?? []), value.length > 0 ? value.join("=") : (args[++at] ?? "")];
    at++;
    if (flag === "--name") break;
  }
  return { flags, image: args[at], command: args.slice(at + 1) };
}

/** The same, from the Plan. */
function expected(plan: Plan, container: ContainerPlan) {
  const { name, role, env, devices, mounts, user, restricted, stopTimeoutSeconds, image, command } =
    container;
  const { sharedMemoryMib, memoryMib, ipc, ulimits = {} } = container;
  const flags = {
    "--device": devices.map(({ hostPath, containerPath }) =>
      hostPath === containerPath ? hostPath : `${hostPath}:${containerPath}`,
    ),
    "--mount": mounts.map(({ source, target, readOnly }) =>
      csv("type=bind", `source=${source}`, `target=${target}`, ...(readOnly ? ["readonly"] : [])),
    ),
    "--env": Object.entries(env).map(([key, value]) => `${key}=${value}`),
    "--user": user === undefined ? [] : [user],
    "--shm-size": sharedMemoryMib === undefined ? [] : [`${sharedMemoryMib}m`],
    "--memory": memoryMib === undefined ? [] : [`${memoryMib}m`],
    "--memory-swap": memoryMib === undefined ? [] : [`${memoryMib}m`],
    "--ipc": ipc === undefined ? [] : [ipc],
    "--ulimit": Object.entries(ulimits).map(([limit, value]) => `${limit}=${value}`),
    "--cap-drop": restricted ? ["ALL"] : [],
    "--security-opt": restricted ? ["no-new-privileges"] : [],
    "--restart": ["unless-stopped"],
    "--stop-timeout": [String(stopTimeoutSeconds)],
    "--log-driver": ["json-file"],
    "--log-opt": ["max-size=50m", "max-file=3"],
    "--label": Object.entries(labelsOf(plan.stack, role)).map(([label, value]) => `${label}=${value}`),
    "--net": ["host"],
    "--name": [name],
  };
  const given = Object.entries(flags).filter(([, values]) => values.length > 0);
  const imageName = image.kind === "source" ? `ascend-pd/${image.folder}:${plan.stack}` : image.name;
  return { flags: Object.fromEntries(given), image: imageName, command };
}

const temporaryFiles = () => readdirSync(folder()).filter((name) => name.startsWith("tmp"));

/** A record as Go's encoding/csv reads it. */
function csv(...fields: string[]): string {
  return fields
    .map((field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field))
    .join(",");
}

test("Whatever its text holds, every container of the Plan reaches Docker as it is, with its files.", () => {
  fc.assert(
    fc.property(hostilePlan, (plan) => {
      const { status, stderr, created } = run(plan, hostOf(plan));

      const own = plan.containers.filter(({ host }) => host === "host-a");
      expect([status, stderr]).toEqual([0, ""]);
      expect(created).toEqual(own.map((container) => expected(plan, container)));
      for (const { name, files } of own) {
        for (const { path, content } of files) {
          expect(readFileSync(join(folder(), "files", name, path), "utf8")).toBe(content);
        }
      }
    }),
    { numRuns: 40 },
  );
});

test("A secret comes from the environment of the script, by name; without it nothing is made.", () => {
  const plan = samplePlan();
  const containers = plan.containers.map((one) => ({ ...one, secretEnv: ["HF_TOKEN"] }));
  const secretive = { ...plan, containers };

  const without = run(secretive, hostOf(plan));
  const given = run(secretive, hostOf(plan), { HF_TOKEN: "hf_hunter2" });

  expect(without.stderr).toContain("error: HF_TOKEN is not in the environment\nfix: ");
  expect([without.status, without.created]).toEqual([1, []]);
  expect(given.created[0]?.flags["--env"]).toContain("HF_TOKEN");
  expect(JSON.stringify(given.calls)).not.toContain("hunter2");
});

test("Prefill starts before decode; the scheduler once every instance of every host answers.", () => {
  const plan = samplePlan();

  const { calls, requests } = run(plan, hostOf(plan));

  expect(calls.filter(([verb]) => verb === "start").map(([, name]) => name)).toEqual([
    "two-prefill-0",
    "two-decode-0",
    "two-scheduler",
  ]);
  expect(requests.match(/^http.*/gm)).toEqual([
    "http://10.0.0.18:8088/health",
    "http://10.0.0.19:8088/health",
    "http://10.0.0.18:8089/health",
    "http://10.0.0.19:8089/health",
    "http://10.0.0.18:9000/readyz",
    "http://10.0.0.18:9000/v1/completions",
  ]);
});

test("The last request is one of the API that the scheduler serves.", () => {
  const plan: Plan = { ...samplePlan(), api: "vllm" };

  const { requests } = run(plan, hostOf(plan));

  expect(requests).toMatch(/^{"prompt":.*}\nhttp:\/\/10\.0\.0\.18:9000\/generate\n$/m);
});

test("The files are in a container before it starts.", () => {
  const plan = samplePlan();

  const { calls } = run(plan, hostOf(plan, "host-b"));

  const verbs = calls.filter(([verb = ""]) => ["create", "cp", "start"].includes(verb)).map(([verb]) => verb);
  expect(verbs).toEqual(["create", "cp", "start", "create", "cp", "start"]);
});

test.each([
  [
    "a container of that name",
    { EXISTING: "two-decode-0" },
    "there are containers already: two-decode-0\nfix: ",
  ],
  [
    "no image of this repository",
    { NO_IMAGE: "1" },
    "the image ascend-pd/scheduler:two is not on this host\nfix: ",
  ],
  [
    "an NPU that another container holds",
    { HELD: "/dev/null /dev/davinci6" },
    "/other holds /dev/null /dev/davinci6",
  ],
])("Where there is %s, that is said and nothing is touched.", (_, env, complaint) => {
  const plan = samplePlan();

  const { status, stderr, created } = run(plan, hostOf(plan), env);

  expect(stderr).toContain(complaint);
  expect([status, created]).toEqual([1, []]);
});

test("An NPU whose number only begins like one of the stack's is no conflict.", () => {
  const plan = samplePlan({ "hosts.host-a.npus": 16 });

  const { status } = run(plan, hostOf(plan), { HELD: "/dev/davinci40 /dev/davinci15" });

  expect(status).toBe(0);
});

test("An instance that does not answer in time ends the script with its name, before the scheduler is made.", () => {
  const plan = samplePlan({ "engine.startTimeoutSeconds": 1 });

  const { status, stderr, created } = run(plan, hostOf(plan), { SILENT: "1" });

  expect(stderr).toMatch(
    /^error: two-prefill-0 does not answer at http:\/\/10\.0\.0\.18:8088\/health .*\nfix: /,
  );
  expect(created).toHaveLength(2);
  expect(status).toBe(1);
});

test("An instance that Docker has started again and again is not waited for any longer.", () => {
  const plan = samplePlan({ "engine.startTimeoutSeconds": 3 });

  const { status, stderr, requests } = run(plan, hostOf(plan), { SILENT: "1", RESTARTS: "3" });

  expect(stderr).toContain("error: two-prefill-0 does not answer");
  expect(requests.match(/^http/gm)).toHaveLength(1);
  expect(status).toBe(1);
});

test("Nothing of the script's own stays behind, whether it succeeds or fails.", () => {
  const plan = samplePlan({ "engine.startTimeoutSeconds": 1 });

  const results = [run(plan, hostOf(plan)), run(plan, hostOf(plan), { SILENT: "1" })];

  expect(results.map(({ status }) => status)).toEqual([0, 1]);
  expect(temporaryFiles()).toEqual([]);
});

test("Text with a NUL, which no command can hold, is refused.", () => {
  const plan = samplePlan();
  const containers = plan.containers.map((container) => ({ ...container, user: "a\0b" }));

  expect(() => dockerRun({ ...plan, containers }, hostOf(plan))).toThrow("a NUL character");
});
