import { expect, test } from "vitest";
import { logSignatures } from "./index.ts";
import { dueIn, needlesOf } from "./needles.ts";
import { fixtures } from "./testing/fixtures.ts";

test.each([
  [/one (?:two|three) fourfive/, [" fourfive"]],
  [/Abc\.def|ghi? jkl/i, ["abc.def", " jkl"]],
  [/(?<![\w-])(?:EI0009|EI0010)(?![\w-])/, ["ei0009", "ei0010"]],
  [/UCX {2}ERR\d{1,3}/, ["ucx  err"]],
  [/abc{0,2}d|(x\|y[|)]){1,2}word/, undefined],
  [/\d{4}/, undefined],
])("What %s matches has one of %j in it.", (pattern, needles) => {
  expect(needlesOf(pattern)).toEqual(needles);
});

test("Every signature can be looked for by a word, and is where it is found.", () => {
  const due = dueIn(logSignatures);

  expect(logSignatures.filter(({ pattern }) => needlesOf(pattern) === undefined)).toEqual([]);
  for (const { code, lines } of fixtures) expect(due(lines).map((one) => one.code)).toContain(code);
});

test("Of a text without any word nothing is due; of words that overlap, both are.", () => {
  const items = [/Failed to connect/, /connecting rod/].map((pattern) => ({ pattern }));
  const due = dueIn(items);

  expect(due("all is well")).toEqual([]);
  expect(due("failed to connecting rod")).toEqual(items);
});
