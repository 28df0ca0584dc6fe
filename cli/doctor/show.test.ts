import { expect, test } from "vitest";
import type { Result } from "../../host-checks/index.ts";
import { sampleHosts } from "../../host-checks/testing/sample-report.ts";
import { hostTable } from "./show.ts";

const [host] = sampleHosts();
if (host === undefined) throw new Error("the sample has two hosts");

const result = (code: string, status: Result["status"], seen: string[], fixes: string[] = []): Result => ({
  code,
  title: `title of ${code}`,
  status,
  seen,
  fixes,
});

test("What fails has each thing that was seen with its fix; what says nothing shares a line for each reason.", () => {
  const results = [
    result("HC101", "ok", ["here"]),
    result("HC102", "unseen", ["no engine"]),
    result("HC103", "unseen", ["no engine"]),
    result("HC201", "error", ["one\n  more of one", "two"], ["mend one", "mend two"]),
    result("HC202", "warning", ["three"], ["mend three"]),
    result("HC301", "not applicable", ["no NPU"]),
    result("HC302", "skipped", ["not today"]),
    result("HC303", "not applicable", ["no NPU"]),
    result("HC401", "unseen", ["no tool"]),
  ];

  expect(
    hostTable(host, { host: "host-a", results }),
  ).toBe(`host-a (10.0.0.18, ssh://root@10.0.0.18): 1 error, 1 warning, 3 unseen, 1 skipped, 2 not applicable, 1 ok
  ok       HC101  title of HC101: here
  unseen   HC102, HC103: no engine
  error    HC201  title of HC201
                  one
                    more of one
                  fix: mend one
                  two
                  fix: mend two
  warning  HC202  title of HC202
                  three
                  fix: mend three
  n/a      HC301, HC303: no NPU
  skipped  HC302  title of HC302: not today
  unseen   HC401  title of HC401: no tool`);
});

test("Many checks that say nothing for one reason are counted.", () => {
  const results = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((one) => result(`HC10${one}`, "unseen", ["not reached"]));

  const [, ...lines] = hostTable(host, { host: "host-a", results }).split("\n");

  expect(lines).toEqual(["  unseen   HC101 and 8 others: not reached"]);
});
