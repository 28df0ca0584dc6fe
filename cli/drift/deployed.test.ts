import { expect, test } from "vitest";
import { readDeployed } from "./deployed.ts";

test("Containers are found in the state by name, with their host; one that only waits to be deleted is not.", () => {
  const parent = "urn:pulumi:s::ascend-pd::ascend-pd:index:PdDeployment";
  const provider = `${parent}$ascend-pd:index:Host$pulumi:providers:docker::host-a::0123`;
  const container = { type: "docker:index/container:Container", id: "abc", provider };
  const resources = [
    { type: "pulumi:pulumi:Stack", urn: "urn:pulumi:s::ascend-pd::pulumi:pulumi:Stack::ascend-pd-s" },
    { ...container, inputs: { name: "s-prefill-0", image: "i" } },
    { ...container, inputs: { name: "s-decode-0" }, delete: true },
  ];

  const deployed = readDeployed(JSON.stringify({ version: 3, deployment: { resources } }));

  expect([...deployed]).toEqual([
    ["s-prefill-0", { id: "abc", host: "host-a", inputs: { name: "s-prefill-0", image: "i" } }],
  ]);
});

test("A stack that nothing was brought up in has no containers.", () => {
  expect(readDeployed('{"version":3,"deployment":{}}')).toEqual(new Map());
});
