import { readFile } from "node:fs/promises";
import { expect, test, vi } from "vitest";
import { tryRun } from "./system/programs.ts";

vi.setConfig({ testTimeout: 300_000 });

// `npm test` refuses what `npm run check` refuses, so that whoever runs the one alone has the other too.
const { scripts } = JSON.parse(await readFile("package.json", "utf8"));

test.each<string>(scripts.check.split(" && "))("`%s` finds nothing wrong.", async (command) => {
  const [program, ...args] = command.split(" ");

  const { code, stdout, stderr } = await tryRun(`node_modules/.bin/${program}`, args);

  expect(code, stdout + stderr).toBe(0);
});
