import { expect, test } from "vitest";
import { tryRun } from "../system/programs.ts";

test("Whatever is printed, a terminal shows it and obeys nothing of it.", async () => {
  const script = `
    const { print, complain, printPiece } = await import("./cli/print.ts");
    const text = "\\u001b[2Jone\\u009b31m\\r\\n\\ttwo\\u202e";
    printPiece(text);
    print(text);
    complain(text);`;

  const { stdout, stderr } = await tryRun(process.execPath, ["--input-type=module", "-e", script]);

  const shown = "\\u001b[2Jone\\u009b31m\n\ttwo\\u202e";
  expect([stdout, stderr]).toEqual([`${shown}${shown}\n`, `${shown}\n`]);
});
