import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { policies } from "./index.ts";

test("Every policy stands in docs/policies.md, in the words in which a violation is reported.", () => {
  const sections = policies.map(
    ({ name, description, remediationSteps, lists }) =>
      `### ${name}\n\n${description}\n\nWay out: ${remediationSteps}.\n${textOf(lists)}`,
  );

  expect(readFileSync("docs/policies.md", "utf8")).toContain(
    `## The policies\n\n${sections.join("\n")}\n## `,
  );
});

const textOf = (lists: (typeof policies)[number]["lists"] = {}): string => {
  const items = Object.entries(lists).map(([name, what]) => `- \`${name}\`: ${what}\n`);
  return items.length === 0 ? "" : `\n${items.join("")}`;
};

test("Every policy of this folder is in the pack, under its file's name.", () => {
  const files = readdirSync("policies/rules").filter((file) => !/^index\.|\.test\.ts$/.test(file));

  expect(policies.map(({ name }) => `${name}.ts`).sort()).toEqual(files.sort());
});
