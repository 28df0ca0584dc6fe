import { expect, test } from "vitest";
import { type Config, readConfig } from "./config.ts";

/** What flags say; that no rank table is given is another matter. */
function problemsOf(...args: string[]): string {
  const reading = readConfig(args, {});
  return reading.kind === "problems" ? reading.problems.map(({ message }) => message).join("\n") : "";
}

function configOf(args: readonly string[], env: Record<string, string> = {}): Config {
  const tables = { GLOBAL_RANK_TABLE_FILE_PATH: "scheduler/testdata/global.json", NODE_PORTS: "8088,8089" };
  const reading = readConfig(args, { ...tables, ...env });
  if (reading.kind !== "config") throw new Error(JSON.stringify(reading));
  return reading.config;
}

test.for([
  { args: "", names: [] },
  { args: "--model /weights/glm", names: ["/weights/glm"] },
  { args: "--model=/weights/glm --served-model-name=glm", names: ["glm"] },
  { args: "--served-model-name glm glm-4 --port 9000", names: ["glm", "glm-4"] },
  { args: "--served_model_name glm glm-4 --model /weights/glm", names: ["glm", "glm-4"] },
  { args: "--served-model-name a b --served-model-name c", names: ["c"] },
])("$args: a request may name $names", ({ args, names }) => {
  expect(configOf(args.split(" ").filter(Boolean)).servedModels).toEqual(names);
});

test("a name that is missing is a problem, not the next flag", () => {
  expect(problemsOf("--served-model-name", "--port=9000")).toContain("--served-model-name has no value");
});
