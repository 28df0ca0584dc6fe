import { expect, test } from "vitest";
import { plan as makePlan } from "../../planning/make-plan.ts";
import { type Changes, changedInput } from "../../planning/testing/sample-input.ts";
import { keepConsole, printed } from "../testing/run-command.ts";
import { keyFor, renewed } from "./key.ts";

keepConsole();

/** Nobody answers on the host of its scheduler. */
function stack(changes: Changes) {
  const nowhere = { "hosts.host-a.docker": "unix:///nowhere.sock", "hosts.host-a.hostKey": undefined };
  const made = makePlan("prod", changedInput({ ...nowhere, ...changes }));
  if ("problems" in made) throw new Error(JSON.stringify(made.problems));
  return made.plan;
}

const withKeys = { "scheduler.apiKeys": [`alice sha256:${"a".repeat(64)}`] };

test("A stack that asks clients for keys is asked for a pass, unless a key is given.", async () => {
  expect((await keyFor(stack(withKeys), "sk-1"))()).toBe("sk-1");
  expect((await keyFor(stack({}), undefined))()).toBeUndefined();
  expect((await keyFor(undefined, undefined))()).toBeUndefined();
  await expect(keyFor(stack(withKeys), undefined)).rejects.toThrow("gives no pass, without which");
});

test("A pass is followed by the next one, and where one does not come it is told and the last one stays.", async () => {
  let asked = 0;
  const key = await renewed(async () => {
    asked++;
    if (asked === 2) throw new Error("the host is away");
    return `pass-${asked}`;
  }, 10);

  expect(key()).toBe("pass-1");
  await expect.poll(() => key()).toMatch(/^pass-[3-9]/);

  expect(printed("error")).toBe("note: the host is away");
});
