import { expect, test } from "vitest";
import { formatProblems, type Problem } from "./problem.ts";

const npu: Problem = {
  code: "PD102",
  severity: "error",
  path: "decode[0].devices[1]",
  message: "NPU 5 on host-a is already used by prefill[0]",
  fix: "use a free NPU of host-a: 6, 7",
};
const port: Problem = {
  code: "PD110",
  severity: "error",
  path: "prefill[1].port",
  message: "port 8088 on host-a is already taken by prefill[0]",
  fix: "choose another, e.g. 8090",
};

test("Problems are shown under one line that counts them, in columns, each with its fix.", () => {
  const text = formatProblems("stacks/Pulumi.2p2d.yaml", [npu, port]);

  expect(text).toBe(
    `
stacks/Pulumi.2p2d.yaml: 2 problems
  PD102 decode[0].devices[1]  NPU 5 on host-a is already used by prefill[0]
        fix: use a free NPU of host-a: 6, 7
  PD110 prefill[1].port       port 8088 on host-a is already taken by prefill[0]
        fix: choose another, e.g. 8090`.trimStart(),
  );
});

test.each([
  [[npu], "1 problem"],
  [[{ ...port, severity: "warning" as const }], "1 warning"],
  [[npu, port, { ...port, severity: "warning" as const }], "2 problems, 1 warning"],
  [[], "no problems"],
])("The first line of %# counts errors and warnings apart.", (problems, counts) => {
  const [first] = formatProblems("x.yaml", problems).split("\n");

  expect(first).toBe(`x.yaml: ${counts}`);
});

test("A warning among problems is called one.", () => {
  const text = formatProblems("x.yaml", [npu, { ...port, severity: "warning" }]);

  expect(text).toContain("  warning: port 8088 on host-a");
  expect(text).not.toContain("warning: NPU 5");
});

test("Control characters from a file do not reach the terminal.", () => {
  const hostile = "\u001b[2J\u009b\r\n";
  const problem = {
    code: "PD201",
    severity: "error" as const,
    path: hostile,
    message: hostile,
    fix: hostile,
  };

  const text = formatProblems(hostile, [problem]);

  expect(text.split("\n")).toHaveLength(3);
  expect(text.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
});

test("As many problems as there are make one text.", () => {
  const [first] = formatProblems("x.yaml", Array<Problem>(200_000).fill(port)).split("\n");

  expect(first).toBe("x.yaml: 200000 problems");
});
