import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { alerts, runbookOf, runbookPage } from "./alerts.ts";

test("Each alert's runbook is a heading of the page, with what it means, how to check, and what to do.", () => {
  const page = readFileSync(runbookPage, "utf8");
  const sections = page.split(/^### /m).slice(1);

  expect(sections.map((section) => section.split("\n")[0])).toEqual(alerts.map(({ name }) => name));
  for (const [index, { name, severity }] of alerts.entries()) {
    const word = severity === "critical" ? "Critical" : "Warning";
    expect(sections[index]).toMatch(new RegExp(`^${name}\\n\\n${word}: [^]*\\nCheck: [^]*\\nDo: `));
    expect(runbookOf({ name })).toBe(`docs/monitoring.md#${name.toLowerCase()}`);
  }
});
