import type { Rule } from "./rule.ts";

export const sharedMemoryOfItsOwn: Rule = {
  code: "PD145",
  severity: "error",
  title: "`sharedMemory` is for `ipc: private`",
  why: "With `ipc: host` an instance has the host's /dev/shm, of the size that it has there; Docker ignores another one.",
  source: "Docker: `docker run`, `--ipc` and `--shm-size`",
  check: ({ engine: { limits } }) => {
    if (limits.ipc !== "host" || limits.sharedMemory === undefined) return [];
    const message = `${limits.sharedMemory} is no size of the host's /dev/shm, which \`ipc: host\` gives`;
    return [{ path: "engine.sharedMemory", message, fix: "remove it, or leave out `ipc`" }];
  },
};
