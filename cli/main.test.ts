import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { tryRun } from "../system/programs.ts";

/** `ascend-pd`, as the shell runs it. */
function ascendPd(args: readonly string[], cwd = process.cwd(), env: NodeJS.ProcessEnv = {}) {
  return tryRun(resolve("cli/ascend-pd.mjs"), args, { cwd, env: { ...process.env, ...env } });
}

test("Without a command, all commands are listed.", async () => {
  const { code, stdout } = await ascendPd([]);

  expect(stdout).toMatch(/^ {2}plan +check a stack file/m);
  expect(code).toBe(2);
});

test.each([
  ["--help"],
  ["-h"],
  ["plan", "--help"],
  ["plan", "-h"],
  ["scheduler", "--help"],
  ["ranktable", "gen", "--help"],
  ["pulumi", "--help"],
  ["toolchain", "-h"],
])("%s %s %s prints a usage.", async (...args) => {
  const { code, stdout } = await ascendPd(args);

  expect(stdout).toMatch(/^usage: ascend-pd /);
  expect(code).toBe(0);
});

test.each([
  [["pln"], /^error: there is no command pln\nfix: did you mean plan\?$/m],
  [["bundle", "instal", "x"], /^error: there is no command bundle instal\nfix: did you mean install\?$/m],
  [["ranktable", "gne"], /^error: there is no command ranktable gne\nfix: did you mean gen\?$/m],
  [["constructor"], /^error: there is no command constructor$/m],
  [["scheduler"], /^error: ACTION is no action\nfix: one of state, drain, join, reload$/m],
  [["scheduler", "stat", "--port=9001"], /^error: stat is no action/],
  [["scheduler", "state"], /^error: where is the scheduler\?\nfix: .*--stack.*--socket.*--port/],
  [["scheduler", "state", "--port=9001", "--socket=/s"], /^error: --socket and --port may be different/],
  [["scheduler", "state", "--port=9001", "--stack=2p2d"], /^error: --stack and --port may be different/],
  [
    ["scheduler", "reload", "--node-ports=1,2", "--stack=2p2d"],
    /^error: --node-ports is not for --stack\nfix: /,
  ],
  [["scheduler", "state", "--stack=3p3d"], /^error: stacks\/Pulumi\.3p3d\.yaml cannot be read\nfix: .*2p2d/],
  [["scheduler", "state", "decode-0", "--port=9001"], /^error: state takes no operand/],
  [["scheduler", "state", "--force", "--port=9001"], /^error: --force is not for state/],
  [["scheduler", "drain", "--port=9001"], /^error: drain takes one INSTANCE/],
  [["scheduler", "drain", "a", "b", "--port=9001"], /^error: drain takes one INSTANCE/],
  [["scheduler", "drain", "a", "--port=90010"], /^error: --port is 90010\nfix: give 1 to 65535/],
  [["scheduler", "drain", "a", "--port=9001", "--deadline=soon"], /^error: --deadline is soon/],
  [["plan"], /^error: STACK is missing\nfix: --help/],
  [["plan", "1p1d", "2p2d"], /^error: one STACK too many: 2p2d$/m],
  [["plan", "--jsn", "1p1d"], /^error: Unknown option '--jsn'\nfix: did you mean --json\?$/m],
  [["plan", "--quickly", "1p1d"], /^error: Unknown option '--quickly'\nfix: --help/],
  [["plan", "3p3d"], /^error: stacks\/Pulumi\.3p3d\.yaml cannot be read\nfix: .*sim-1p1d/],
  // What is behind `toolchain` is for another program, as the -h of `toolchain exec df -h` is.
  [["toolchain", "where", "x", "-h"], /^error: where takes no x$/m],
])("%j is the user's mistake: said without a stack, exit code 2.", async (args, complaint) => {
  const { code, stdout, stderr } = await ascendPd(args);

  expect(stderr).toMatch(complaint);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect([code, stdout]).toEqual([2, ""]);
});

test.each([["diff"], ["doctor", "3p3d"], ["drift", "3p3d"], ["ranktable", "check"]])(
  "A mistake ends %s with 1, for its 2 means that it found something.",
  async (...args) => {
    const { code, stdout, stderr } = await ascendPd(args);

    expect(stderr).toMatch(/^error: .*\nfix: /);
    expect([code, stdout]).toEqual([1, ""]);
  },
);

test("A DOCKER_HOST that is no address is said without a stack.", async () => {
  const { code, stdout, stderr } = await ascendPd(["drift", "sim-1p1d"], undefined, {
    DOCKER_HOST: "nowhere",
  });

  expect(stderr).toMatch(/^error: nowhere is no address of a Docker Engine\nfix: set DOCKER_HOST to .*\n$/);
  expect([code, stdout]).toEqual([1, ""]);
});

test("Outside the project it says where to run it.", async () => {
  const elsewhere = await mkdtemp(join(tmpdir(), "ascend-pd-elsewhere-"));

  const { code, stderr } = await ascendPd(["plan", "1p1d"], elsewhere);

  expect(stderr).toBe("error: there is no folder stacks here\nfix: run this in the folder of the project\n");
  expect(code).toBe(2);
  await rm(elsewhere, { recursive: true });
});

test("What stands on the command line is no command to a terminal when it is repeated.", async () => {
  const { code, stderr } = await ascendPd(["plan", "\u001b[2J\u009b31m\u202e"]);

  expect(stderr).toMatch(/^error: stacks\/Pulumi\.\\u001b\[2J\\u009b31m\\u202e\.yaml cannot be read\n/);
  expect(code).toBe(2);
});
