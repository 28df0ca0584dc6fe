import { expect, test } from "vitest";
import { type Change, ownProperties } from "./change.ts";
import { byInstance } from "./members.ts";

const change = (name: string, changes: Partial<Change> = {}): Change => ({
  ...{ subject: "decode", name, operation: "replace", properties: [], ...changes },
});

const argument = { property: "--seed", old: "1", new: "2" };

test("What changes of members is told of their instance, and each thing once.", () => {
  const unknown = { property: "name", old: "s-decode-0", new: "04da6b54-80e4-46f7-96ec-b56ff0331ba9" };
  const head = change("decode-0", { drained: true, properties: [argument, unknown] });
  const member = change("decode-0-member-1", {
    properties: [argument, { property: "env.HCCL_IF_IP", old: "a", new: "b" }],
  });

  const [one, ...others] = byInstance([member, head]);

  expect(others).toEqual([]);
  expect(one).toMatchObject({ name: "decode-0", operation: "replace", drained: true });
  expect(one && ownProperties(one).map(({ property }) => property)).toEqual(["--seed", "env.HCCL_IF_IP"]);
});

test("A member that is made anew beside a head that stays restarts no instance.", () => {
  const [one] = byInstance([change("decode-0-member-2", { operation: "create" })]);

  expect(one).toMatchObject({ name: "decode-0", operation: "update" });
});

test("What is no instance keeps its name.", () => {
  const host = change("x-member-1", { subject: "host", operation: "update" });

  expect(byInstance([host, change("decode-1")])).toEqual([host, change("decode-1")]);
});
