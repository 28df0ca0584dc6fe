import { expect, test } from "vitest";
import { differenceOf, fixture } from "../testing/previews.ts";
import { isPreview, readPreview } from "./read-preview.ts";

const changed = (name: string) =>
  differenceOf(fixture(name)).changes.map((change) => `${change.operation} ${change.subject} ${change.name}`);

test("Claims, gates, providers, images' builds and local rank tables are parts of what they serve.", () => {
  expect(changed("create-all")).toEqual([
    "create deployment pv",
    "create host local",
    "create image scheduler-on-local",
    "create image simulator-on-local",
    "create rank table global_ranktable.json",
    "create prefill prefill-0",
    "create decode decode-0",
    "create scheduler scheduler",
  ]);
  expect(changed("changed-endpoint")).toEqual([
    "update host local",
    "update prefill prefill-0",
    "update decode decode-0",
    "update scheduler scheduler",
  ]);
});

test("A property has its name, its old and its new value, whatever its place in a list.", () => {
  const { changes } = differenceOf(fixture("changed-port"));
  const ports = (decode: number) => `prefill-0=18700,decode-0=${decode}`;

  expect(changes.map(({ properties }) => properties)).toEqual([
    [{ property: "--port", old: "18701", new: "18709" }],
    [{ property: "file.node_ports", old: ports(18701), new: ports(18709) }],
  ]);
});

test("The steps come in any order and give the same.", () => {
  const document = fixture("added-instance");

  const reversed = { ...document, steps: [...document.steps].reverse() };

  expect(differenceOf(reversed)).toEqual(differenceOf(document));
});

test("Instances stand in the order of their numbers.", () => {
  const text = JSON.stringify(fixture("destroy"));

  const { changes } = differenceOf(
    JSON.parse(text.replaceAll("prefill-1", "prefill-10").replaceAll("prefill-0", "prefill-9")),
  );

  const names = changes.filter(({ subject }) => subject === "prefill").map(({ name }) => name);
  expect(names).toEqual(["prefill-9", "prefill-10"]);
});

test("An instance may be called as a part of another one would be.", () => {
  const text = JSON.stringify(fixture("added-instance"));

  const { changes } = differenceOf(JSON.parse(text.replaceAll("prefill-1", "decode-0-ready")));

  expect(changes.map(({ operation, subject, name }) => `${operation} ${subject} ${name}`)).toEqual([
    "update rank table global_ranktable.json",
    "create prefill decode-0-ready",
    "update scheduler scheduler",
  ]);
});

test("Fields of other versions do not matter; an operation of another version is refused.", () => {
  const document = fixture("changed-port");
  const with_ = (extra: object) => ({
    ...document,
    steps: document.steps.map((step) => ({ ...step, ...extra })),
  });

  expect(differenceOf(with_({ novel: { a: 1 } }))).toEqual(differenceOf(document));
  expect(() => differenceOf(with_({ op: "transmute" }))).toThrow(
    /^preview\.json: steps\[0\]\.op is "transmute", which is no operation known here\nfix: /,
  );
});

test("A replacement that comes as several steps is one.", () => {
  const document = fixture("changed-port");
  const steps = document.steps.flatMap((step) =>
    step.op === "replace"
      ? [
          { ...step, op: "delete-replaced", newState: undefined },
          { ...step, op: "create-replacement", oldState: undefined },
        ]
      : [step],
  );

  expect(differenceOf({ ...document, steps })).toEqual(differenceOf(document));
});

test("Two resources of others with one name are two.", () => {
  const step = (type: string) => ({
    op: "update",
    urn: `urn:pulumi:pv::ascend-pd::${type}::main`,
    oldState: { inputs: { size: 1 } },
    newState: { inputs: { size: 2 } },
  });

  const { changes } = differenceOf({ steps: [step("aws:ec2:Vpc"), step("aws:ec2:Subnet")] });

  const properties = [{ property: "size", old: "1", new: "2" }];
  expect(changes).toEqual([
    { subject: "resource", name: "aws:ec2:Subnet::main", operation: "update", properties },
    { subject: "resource", name: "aws:ec2:Vpc::main", operation: "update", properties },
  ]);
});

test("A failed preview is its errors, and its stack.", () => {
  expect(readPreview(fixture("refused"), "preview.json")).toEqual({
    stack: "pv",
    errors: [expect.stringContaining("PD102 decode[0].devices[0]  NPU 5 on local is already used")],
  });
});

test("Warnings are handed on.", () => {
  const diagnostics = [
    { severity: "warning", message: "warning: stacks/Pulumi.pv.yaml: 1 warning\n" },
    { severity: "info", message: "read" },
  ];

  const { warnings } = differenceOf({ ...fixture("no-change"), diagnostics });

  expect(warnings).toEqual(["warning: stacks/Pulumi.pv.yaml: 1 warning"]);
});

test("What differs only by the engine's word is a change with no values.", () => {
  const document = fixture("changed-limit");
  const steps = document.steps.map((step) => ({
    ...step,
    ...(step.op === "replace" && {
      diffReasons: ["envs"],
      replaceReasons: ["envs"],
      oldState: { ...(step.oldState as object), inputs: { envs: "[secret]" } },
      newState: { ...(step.newState as object), inputs: { envs: "[secret]" } },
    }),
  }));

  const { changes } = differenceOf({ ...document, steps });

  expect(changes.map(({ properties }) => properties)).toEqual([
    [{ property: "envs" }],
    [{ property: "envs" }],
    [{ property: "envs" }],
  ]);
});

test("The preview of a refresh is refused: it says nothing about an up.", () => {
  expect(() => differenceOf(fixture("refresh"))).toThrow(
    /comes from `pulumi refresh`.*\nfix: .*--refresh --json/,
  );
});

test.each([
  [{ steps: 7 }, /steps is not a list/],
  [{ steps: [] }, /names no stack/],
  [{ steps: [null] }, /steps\[0\]\.op is missing/],
  [{ steps: [{ op: "constructor", urn: "urn:pulumi:a::b::c::d" }] }, /steps\[0\]\.op is "constructor"/],
  [{ steps: [{ op: "create" }] }, /steps\[0\]\.urn is no resource name/],
  [{ steps: [{ op: "create", urn: "pv" }] }, /steps\[0\]\.urn is no resource name/],
  [{ ...fixture("no-change"), changeSummary: { replace: 2 } }, /counts changes but lists none/],
])("%j is refused.", (document, complaint) => {
  expect(() => readPreview(document, "preview.json")).toThrow(complaint);
});

test.each([[{}], [[]], [null], ["text"], [{ version: 3, deployment: {} }], [{ plan: {} }]])(
  "%j is no preview.",
  (document) => {
    expect(isPreview(document)).toBe(false);
  },
);
