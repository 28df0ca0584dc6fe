import { resolve } from "node:path";
import { expect, test } from "vitest";
import { tryRun } from "../../system/programs.ts";

// An `up` starts some for each host, and Node takes longer to load `fetch` than all else that one needs.
test.each([
  "components/probes/ready.ts",
  "hosts/containers.ts",
  "hosts/administration.ts",
  "toolchain/node-image.ts",
])("What probes load, %s, has Node load no `fetch`.", async (file) => {
  const script = `
      await import(${JSON.stringify(resolve(file))});
      console.log(process.moduleLoadList.filter((name) => /_http_client|undici/.test(name)).join());`;

  const { stdout } = await tryRun(process.execPath, ["--input-type=module", "--eval", script]);

  expect(stdout).toBe("NativeModule _http_client\n");
});
