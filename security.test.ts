import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const page = readFileSync("SECURITY.md", "utf8");
const [, threats = ""] = page.split("\n## What could happen, and what stands against it\n");
const rows = (threats.split("\n## ")[0] ?? "")
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .slice(2)
  .map((line) => line.slice(2, -2).split(" | "));

test("SECURITY.md names for each threat a test that there is.", () => {
  const missing = rows.filter(([, , named = ""]) => {
    const [, file = "", title = ""] = /^`([\w./-]+\.test\.ts)`: (.+)$/.exec(named.trim()) ?? [];
    return title === "" || !readFileSync(file, "utf8").includes(JSON.stringify(title));
  });

  expect(rows.length).toBeGreaterThan(20);
  expect(missing).toEqual([]);
});

test("It says how to report, and what is not protected.", () => {
  expect(page.match(/^## .*$/gm)).toEqual([
    "## To report a hole",
    "## Who is trusted with what",
    "## What could happen, and what stands against it",
    "## What is not protected",
  ]);
});
