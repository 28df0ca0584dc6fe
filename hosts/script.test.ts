import { expect, test } from "vitest";
import { runScript } from "./script.ts";

const local = "unix:///nowhere/docker.sock";

test("What a script prints comes back, with the time around it.", async () => {
  const { output, failure, sent, answered } = await runScript(local, "echo one; echo two");

  expect([output, failure]).toEqual(["one\ntwo\n", undefined]);
  expect(answered).toBeGreaterThanOrEqual(sent);
});

test("A script that fails says why, in its own words.", async () => {
  expect(await runScript(local, "echo half; echo why >&2; exit 3")).toMatchObject({
    output: "half\n",
    failure: "why",
  });
  expect(await runScript(local, "exit 3")).toMatchObject({ output: "", failure: "exit code 3" });
});

test("A flood ends, and what came until then is kept.", async () => {
  const { output, failure } = await runScript(local, "yes; true");

  expect(failure).toBe("it printed too much");
  expect(output.length).toBeLessThan(8 * 1024 * 1024);
});

test("A host that says nothing is given up.", async () => {
  expect(await runScript(local, "sleep 15")).toMatchObject({
    output: "",
    failure: "no answer within 10 s",
  });
});

test("Behind tcp:// no command can run, and none runs here instead.", async () => {
  expect(await runScript("tcp://10.0.0.18:2375", "echo here")).toMatchObject({
    output: "",
    failure: "tcp://10.0.0.18:2375 lets no command run on its host; ssh:// does",
  });
});
