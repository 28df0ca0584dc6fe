import { contains, overlap } from "../container/absolute-path.ts";
import { rankTableFolder } from "../table-files.ts";
import type { Rule } from "./rule.ts";

const ofEveryContainer = [rankTableFolder, "/dev", "/proc", "/sys"];

export const mountBesideDriver: Rule = {
  code: "PD142",
  severity: "error",
  title: "a mount hides nothing that the engine needs",
  why: "A mount over the driver, npu-smi, the device nodes or the rank tables takes them from the engine.",
  source: "the manual, steps two to four: driver and npu-smi must both be mounted",
  check: ({ engine }) =>
    engine.mounts.flatMap(({ path, target }) => {
      const needed = [...engine.systemMounts.map((mount) => mount.target), ...ofEveryContainer];
      const hidden = needed.find((one) => overlap(target, one));
      if (hidden === undefined || target === "/") return [];
      const message = `"${target}" hides or lies in ${hidden}`;
      const fix = contains("/dev/shm", target)
        ? "remove it and set engine.sharedMemory to the size that the engine needs, e.g. 16g"
        : "mount it elsewhere, e.g. to /data/models";
      return [{ path: `${path}.target`, message, fix }];
    }),
};
