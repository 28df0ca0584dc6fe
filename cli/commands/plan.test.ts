import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { readStackFile } from "../stack-file.ts";
import { inProjectFolder, keepConsole, printed } from "../testing/run-command.ts";
import { plan } from "./plan.ts";

inProjectFolder();
keepConsole();

/** Writes the stack file of `test`: another, changed. */
function writeStack(base: string, changes: object): void {
  const deployment = { ...(readStackFile(base).deployment as object), ...changes };
  writeFileSync("stacks/Pulumi.test.yaml", stringify({ config: { "ascend-pd:deployment": deployment } }));
}

test("A stack that can work is shown as a table.", async () => {
  const code = await plan.run(["sim-1p1d"]);

  expect(printed("log")).toMatch(/^ROLE .*\nprefill +sim-1p1d-prefill-0 +local +4,5 +8088\n/);
  expect([code, printed("error")]).toEqual([0, ""]);
});

test("A warning is shown beside the table and does not fail.", async () => {
  writeStack("1p1d", { decode: [{ host: "host-a", devices: [6], port: 8089 }] });

  const code = await plan.run(["test"]);

  expect(printed("error")).toMatch(/^stacks\/Pulumi\.test\.yaml: 1 warning\n {2}PD105 decode\[0\]/);
  expect(printed("log")).toMatch(/^ROLE /);
  expect(code).toBe(0);
});

test("A stack that cannot work fails with all problems, as text or as JSON.", async () => {
  writeStack("sim-1p1d", { decode: [{ host: "local", devices: [5, 6], port: 8088 }] });

  const codes = [await plan.run(["test"]), await plan.run(["--json", "test"])];

  expect(printed("error")).toMatch(/^stacks\/Pulumi\.test\.yaml: 2 problems\n {2}PD102 /);
  expect(JSON.parse(printed("log")).problems).toMatchObject([{ code: "PD102" }, { code: "PD110" }]);
  expect(codes).toEqual([2, 2]);
});

test("As JSON, the whole Plan comes with its warnings.", async () => {
  await plan.run(["1p1d", "--json"]);

  expect(JSON.parse(printed("log"))).toMatchObject({
    plan: { stack: "1p1d", containers: [{ role: "prefill" }, { role: "decode" }, { role: "scheduler" }] },
    warnings: [],
  });
});
