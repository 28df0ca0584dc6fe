import { overlap } from "../absolute-path.ts";
import { driverMounts } from "../engines/ascendcloud.ts";
import { rankTableFolder } from "../rank-table-writer.ts";
import type { Rule } from "./rule.ts";

/** Why: a mount over the driver, the device nodes or the rank tables hides them from the engine. */
export const workDirBesideMounts: Rule = {
  code: "PD142",
  severity: "error",
  title: "workDir hides nothing else that the engine needs",
  check: ({ file: { engine } }) => {
    if (engine.kind !== "ascendcloud") return [];
    const needed = [...driverMounts.map(({ target }) => target), rankTableFolder, "/dev", "/proc", "/sys"];
    const hidden = needed.find((path) => overlap(engine.workDir.target, path));
    if (hidden === undefined || engine.workDir.target === "/") return [];
    const message = `"${engine.workDir.target}" hides or lies in ${hidden}`;
    return [{ path: "engine.workDir.target", message, fix: "mount it elsewhere, e.g. to /data/models" }];
  },
};
