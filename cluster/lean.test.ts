import { resolve } from "node:path";
import { expect, test } from "vitest";
import { tryRun } from "../system/programs.ts";

// An `up` starts some for each object, and Node takes longer to load `fetch` than all else that one needs.
test("What applies an object has Node load no `fetch`.", async () => {
  const script = `
    await import(${JSON.stringify(resolve("cluster/rollout.ts"))});
    console.log(process.moduleLoadList.filter((name) => /undici/.test(name)).join());`;

  const { stdout } = await tryRun(process.execPath, ["--input-type=module", "--eval", script]);

  expect(stdout).toBe("\n");
});
