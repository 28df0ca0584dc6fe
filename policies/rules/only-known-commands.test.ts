import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { resource, unknown, violationsOf } from "../testing/validated.ts";
import { onlyKnownCommands } from "./only-known-commands.ts";

const local = "command:local:Command";
const violationsWith = (type: string, props: object, commands: readonly string[] = []) =>
  violationsOf(onlyKnownCommands, resource("probe", props, type, { commands }));

test.each([
  "docker run --privileged alpine",
  "node components/probes/join.ts; reboot",
  "node /tmp/evil.ts",
  `node -e 'import("ascend-pd/probes/../evil")'`,
  `node -e 'import("ascend-pd/probes/join");reboot()'`,
])(
  "The command %s is reported by its first word, here or on a host, unless the configuration lists it.",
  async (command) => {
    const violation = `probe runs a command that is not listed: ${command.split(" ")[0]}`;
    for (const type of [local, "command:remote:Command"]) {
      for (const input of ["create", "update", "delete"]) {
        expect(await violationsWith(type, { [input]: command })).toEqual([violation]);
        expect(await violationsWith(type, { [input]: command }, [command])).toEqual([]);
      }
    }
  },
);

test("A probe gets no other variable, by which it could be made another program.", async () => {
  const props = {
    create: "node components/probes/join.ts",
    environment: { PROBE: "{}", NODE_OPTIONS: "--import=/tmp/evil.mjs" },
  };

  expect(await violationsWith(local, props)).toEqual(["probe gives a probe the variable NODE_OPTIONS"]);
});

test("A probe is none on another machine.", async () => {
  const props = { create: "node components/probes/join.ts" };

  expect(await violationsWith("command:remote:Command", props)).toHaveLength(1);
});

test("A file that is written on a host is reported, unless the configuration lists it.", async () => {
  const props = { remotePath: "/etc/cron.d/job" };

  expect(await violationsWith("command:remote:CopyToRemote", props)).toEqual([
    "probe writes /etc/cron.d/job on a host",
  ]);
  expect(await violationsWith("command:remote:CopyToRemote", props, ["/etc/cron.d/job"])).toEqual([]);
});

test("Every probe passes, of a clone and of the npm package.", async () => {
  const files = readdirSync("components/probes").filter((file) => file.endsWith(".ts"));

  for (const file of files.filter((file) => !file.includes(".test."))) {
    const name = file.replace(/\.ts$/, "");
    for (const create of [`node components/probes/${file}`, `node -e 'import("ascend-pd/probes/${name}")'`])
      expect(await violationsWith(local, { create, environment: { PROBE: "{}" } })).toEqual([]);
  }
});

test("A command that is not known yet is left to the engine, which says so.", async () => {
  await expect(violationsWith(local, { create: unknown })).rejects.toThrow("can't be known during preview");
});
