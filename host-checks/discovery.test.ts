import { mkdtempSync, rmSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { run } from "../system/programs.ts";
import { discovered, versionsOf } from "./discovery.ts";
import { discoveryScript } from "./script.ts";
import { a2Info, a3Info } from "./testing/sample-outputs.ts";
import { section } from "./testing/sample-report.ts";

const interfaces = `1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever
4: bond0.12@bond0    inet 10.0.0.18/24 brd 10.0.0.255 scope global bond0.12\\       valid_lft forever`;

/** What an A2 host with NPUs 4 and 5 prints. */
const said = {
  user: "0",
  machine: "aarch64",
  connection: "10.0.0.1 50122 10.0.0.18 22",
  nodes: "4\n5",
  interfaces,
  docker: "26.1.4",
  "npu-smi info": a2Info,
  "version.info": "Version=25.5.1\nascendhal_version=7.35.23",
  "hccn 4 ip": "ipaddr:29.0.0.22\nnetmask:255.255.255.0",
  "hccn 5 ip": "no ip was preset",
};

const output = (changes: Partial<Record<keyof typeof said, string | undefined>> = {}): string =>
  Object.entries({ ...said, ...changes })
    .map(([name, text]) => (text === undefined ? "" : section(name, text)))
    .join("");

test("A host says its address and interface, its NPUs and their addresses, and what is not well.", () => {
  expect(discovered(output())).toEqual({
    address: "10.0.0.18",
    interface: "bond0.12",
    machine: "aarch64",
    npus: [4, 5],
    names: ["910B3"],
    generation: "a2",
    deviceIps: new Map([[4, "29.0.0.22"]]),
    notes: ["NPU 4 is not well: Warning"],
  });
  expect(versionsOf(output())).toBe("driver 25.5.1, Docker 26.1.4");
});

test.each([
  ["2001:db8::1 50122 2001:db8::18 22", "2001:db8::18"],
  ["::ffff:10.0.0.1 50122 ::ffff:10.0.0.18 22", "10.0.0.18"],
  ["fe80::1%eth0 50122 fe80::18%eth0 22", undefined],
])("Reached by IPv6, %j, its address is %s.", (connection, address) => {
  const both = `${interfaces}\n4: bond0.12    inet6 2001:db8::18/64 scope global \\       valid_lft forever`;

  const seen = discovered(output({ connection, interfaces: both }));

  expect([seen.address, seen.interface]).toEqual([address, address && "bond0.12"]);
});

test("An A3 host is told by the names of its NPUs.", () => {
  expect(discovered(output({ "npu-smi info": a3Info }))).toMatchObject({
    names: ["Ascend910"],
    generation: "a3",
  });
});

test("What is missing is a note: NPUs, a tool, Docker.", () => {
  const bare = { nodes: "", "npu-smi info": undefined, docker: "sh: docker: not found" };

  expect(discovered(output(bare)).notes).toEqual([
    "no /dev/davinciN: the driver is not loaded, or there is no NPU",
    "no Docker Engine answers there: sh: docker: not found",
  ]);
  expect(discovered(output({ "npu-smi info": "dcmi module initialize failed. ret is -8005" })).notes).toEqual(
    [expect.stringMatching(/^npu-smi info: it printed "dcmi module initialize failed/)],
  );
});

test("Whatever a host prints, it is read, and nothing is made of garbage.", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary", maxLength: 400 }),
      fc.constantFrom(...Object.keys(said)),
      (text, name) => {
        const seen = discovered(output({ [name]: text }));

        expect(seen.npus.every((npu) => Number.isInteger(npu) && npu >= 0 && npu < 100)).toBe(true);
        expect(seen.address === undefined || /^[\da-f.:]+$/.test(seen.address)).toBe(true);
        discovered(text);
      },
    ),
  );
});

test("The script runs in a POSIX shell, on a machine without NPUs too, and only says what there is.", async () => {
  const folder = mkdtempSync("/tmp/discovery-");
  const env = { PATH: process.env.PATH, SSH_CONNECTION: "127.0.0.1 50000 127.0.0.1 22" };

  const seen = discovered(await run("sh", ["-s"], { cwd: folder, env, input: discoveryScript() }));
  rmSync(folder, { recursive: true });

  expect(seen.machine).toMatch(/^(x86_64|aarch64)$/);
  expect([seen.address, seen.npus]).toEqual(["127.0.0.1", []]);
});
