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

test("A scheduler has the files that it was last given while it ran.", () => {
  const urn = (name: string) => `urn:pulumi:s::ascend-pd::ascend-pd:index:PdDeployment$x::${name}`;
  const [global, local, nodePorts] = ["g", "l", "n"].map((path) => ({ path, content: `new ${path}` }));
  const stdin = JSON.stringify({ instances: [], global, local, nodePorts });
  const type = "docker:index/container:Container";
  const inputs = { name: "s-scheduler", uploads: [{ file: "g", content: "old" }] };
  const resources = [
    { type, id: "abc", urn: urn("s-scheduler"), provider: "urn::host-a::0123", inputs },
    { type: "command:local:Command", urn: urn("s-scheduler-settled"), inputs: { stdin } },
  ];

  const deployed = readDeployed(JSON.stringify({ version: 3, deployment: { resources } }));

  expect(deployed.get("s-scheduler")?.inputs.uploads).toEqual(
    ["g", "l", "n"].map((file) => ({ file, content: `new ${file}`, permissions: "0644" })),
  );
});

test("A stack that nothing was brought up in has no containers.", () => {
  expect(readDeployed('{"version":3,"deployment":{}}')).toEqual(new Map());
});
