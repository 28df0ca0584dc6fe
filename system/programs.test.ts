import { expect, test } from "vitest";
import { FixableError } from "../problems/fixable-error.ts";
import { run, tryRun } from "./programs.ts";

test("A program that fails is an error that shows how it ended.", async () => {
  const failing = run("sh", ["-c", "echo because >&2; exit 3"], { fix: "do better" });

  await expect(failing).rejects.toThrow(/exit code 3\n {2}because/);
  await expect(failing).rejects.toBeInstanceOf(FixableError);
  await expect(failing).rejects.toMatchObject({ fix: "do better" });
});

test("A program that is missing ends with 127.", async () => {
  expect(await tryRun("/no/such/program", [])).toMatchObject({ code: 127 });
});
