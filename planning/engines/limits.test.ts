import { expect, test } from "vitest";
import { plan } from "../make-plan.ts";
import { type Changes, changedInput, onVllmAscend } from "../testing/sample-input.ts";

const kinds: readonly [
  kind: string,
  engine: () => Changes,
  several: number | undefined,
  one: number | undefined,
][] = [
  ["ascendcloud", () => ({}), undefined, undefined],
  ["vllm-ascend", onVllmAscend, 1024, 1024],
  ["simulated", () => ({ engine: { kind: "simulated" } }), undefined, undefined],
];

test.each(kinds)(
  "An instance of %s has a /dev/shm for its processes, and another where the stack file says so.",
  (_, engine, several, one) => {
    const single = {
      prefill: [{ host: "host-a", devices: [4], port: 8088 }],
      decode: [{ host: "host-a", devices: [6], port: 8089 }],
    };
    const memory = (changes: Changes) => {
      const result = plan("e", changedInput({ ...engine(), ...changes }));
      if ("problems" in result) throw new Error(JSON.stringify(result.problems));
      return result.plan.containers.map(({ role, sharedMemoryMib, ipc, ulimits }) => ({
        role,
        sharedMemoryMib,
        ipc,
        ulimits,
      }));
    };

    expect(memory({})[0]?.sharedMemoryMib).toBe(several);
    expect(memory(single)[0]?.sharedMemoryMib).toBe(one);
    for (const [written, mib] of [
      ["16g", 16384],
      ["512M", 512],
      ["2GiB", 2048],
      ["3Gi", 3072],
    ] as const) {
      expect(memory({ "engine.sharedMemory": written })).toMatchObject([
        { role: "prefill", sharedMemoryMib: mib },
        { role: "prefill", sharedMemoryMib: mib },
        { role: "decode", sharedMemoryMib: mib },
        { role: "decode", sharedMemoryMib: mib },
        { role: "scheduler", sharedMemoryMib: undefined },
      ]);
    }
    expect(memory({ "engine.ipc": "host", "engine.ulimits": { nofile: 65536, memlock: -1 } })[2]).toEqual({
      role: "decode",
      sharedMemoryMib: undefined,
      ipc: "host",
      ulimits: { memlock: -1, nofile: 65536 },
    });
  },
);

test.each([
  ["engine.sharedMemory", "16", '"16" is not a size in MiB or GiB'],
  ["engine.sharedMemory", "0g", '"0g" is not a size in MiB or GiB'],
  ["engine.sharedMemory", 16, "expected text, got 16"],
  ["engine.ipc", "container:x", '"container:x" is not one of private, host'],
  ["engine.ulimits", { nofile: -2 }, "-2 is below -1"],
  ["engine.ulimits", { nofile: "65536" }, 'expected a number, got "65536"'],
])("%s as %j is refused in words.", (path, value, message) => {
  expect(plan("e", changedInput({ [path]: value }))).toMatchObject({
    problems: [{ code: "PD003", message }],
  });
});

test.each([
  ["shmSize", "16g", "sharedMemory"],
  ["shm_size", "16g", "sharedMemory"],
  ["sharedMemoryGib", 16, "sharedMemory"],
  ["ipcMode", "host", "ipc"],
  ["ulimit", {}, "ulimits"],
  ["ulimits", { nofiles: 65536 }, "nofile"],
])("Who writes engine.%s is told what it is called here.", (key, value, meant) => {
  const result = plan("e", changedInput({ [`engine.${key}`]: value }));

  expect(result).toMatchObject({ problems: [{ code: "PD001", fix: `did you mean "${meant}"?` }] });
});

test("A mount over /dev/shm is refused, with what stands for it.", () => {
  const mounts = [{ source: "/dev/shm", target: "/dev/shm", readOnly: false }];

  expect(plan("e", changedInput({ "engine.mounts": mounts }))).toMatchObject({
    problems: [{ code: "PD142", fix: expect.stringContaining("engine.sharedMemory") }],
  });
});
