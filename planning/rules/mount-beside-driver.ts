import { overlap } from "../container/absolute-path.ts";
import { driverMounts } from "../engines/ascendcloud.ts";
import { rankTableFolder } from "../table-files.ts";
import { declaredMounts } from "./mounts.ts";
import type { Rule } from "./rule.ts";

const needed = [...driverMounts.map(({ target }) => target), rankTableFolder, "/dev", "/proc", "/sys"];

export const mountBesideDriver: Rule = {
  code: "PD142",
  severity: "error",
  title: "a mount hides nothing that the engine needs",
  why: "A mount over the driver, npu-smi, the device nodes or the rank tables takes them from the engine.",
  source: "the manual, steps two to four: driver and npu-smi must both be mounted",
  check: ({ file }) =>
    declaredMounts(file).flatMap(({ path, target }) => {
      const hidden = needed.find((one) => overlap(target, one));
      if (hidden === undefined || target === "/") return [];
      const message = `"${target}" hides or lies in ${hidden}`;
      return [{ path: `${path}.target`, message, fix: "mount it elsewhere, e.g. to /data/models" }];
    }),
};
