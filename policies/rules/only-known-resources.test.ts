import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { readStackFile } from "../../cli/stack-file.ts";
import { dockerContainer } from "../../planning/container/docker-container.ts";
import { plan } from "../../planning/make-plan.ts";
import { containerType } from "../resource-policy.ts";
import { resource, unknown, violationsOf } from "../testing/validated.ts";
import { onlyKnownResources } from "./only-known-resources.ts";

const violationsWith = (type: string, props: object, config?: object) =>
  violationsOf(onlyKnownResources, resource("other", props, type, config));

test.each([
  "docker:index/service:Service",
  "docker:index/plugin:Plugin",
  "docker:index/network:Network",
  "docker:index/image:Image",
  "docker:index/registryImage:RegistryImage",
  "docker:index/tag:Tag",
  "docker:index/buildxBuilder:BuildxBuilder",
  "docker:index/secret:Secret",
  "docker:index/containerNext:Container",
  "docker-build:index:Image",
  "mydocker:index/container:Container",
  "pulumi:providers:mydocker",
  "pulumi-nodejs:dynamic:Resource",
  "command:local:Run",
  "kubernetes:core/v1:Pod",
])("A %s is reported, unless the configuration lists it.", async (type) => {
  expect(await violationsWith(type, {})).toEqual([`other is a ${type}, which no policy knows`]);
  expect(await violationsWith(type, {}, { kinds: [type] })).toEqual([]);
});

const remoteImage = "docker:index/remoteImage:RemoteImage";

test.each([
  [containerType, { userns: "host" }, "userns"],
  [containerType, { privilegedUntilStart: unknown }, "privilegedUntilStart"],
  ["pulumi:providers:docker", { registryAuth: "[]" }, "registryAuth"],
  ["pulumi:providers:docker", { pluginDownloadURL: "https://x" }, "pluginDownloadURL"],
  ["pulumi:providers:docker", { certPath: "/certs" }, "certPath"],
  [remoteImage, { build: { remoteContext: "https://x/y.git" } }, "build.remoteContext"],
  [remoteImage, { build: { additionalContexts: ["a=/etc"] } }, "build.additionalContexts"],
  [remoteImage, { build: { networkMode: "host" } }, "build.networkMode"],
  [remoteImage, { build: { securityOpts: ["seccomp=unconfined"] } }, "build.securityOpts"],
  [remoteImage, { build: { secrets: [{ id: "a", src: "/etc/shadow" }] } }, "build.secrets"],
  [remoteImage, { build: { builder: "far" } }, "build.builder"],
  ["command:local:Command", { create: "true", interpreter: ["sh", "-c"] }, "interpreter"],
  ["command:local:Command", { create: "true", dir: "/tmp" }, "dir"],
  ["docker:index/volume:Volume", { cluster: {} }, "cluster"],
])(
  "A %s with %j is reported by the input, unless the configuration lists it.",
  async (type, props, input) => {
    expect(await violationsWith(type, props)).toEqual([
      `other has the input ${input}, which no policy knows`,
    ]);
    expect(await violationsWith(type, props, { inputs: [input] })).toEqual([]);
  },
);

test("A build that is not known yet is left to the engine, which says so.", async () => {
  await expect(violationsWith(remoteImage, { build: unknown })).rejects.toThrow(
    "can't be known during preview",
  );
});

const stacks = readdirSync("stacks").flatMap((file) => /^Pulumi\.(.*)\.yaml$/.exec(file)?.[1] ?? []);

test.each(stacks)("Every input of the containers of %s is known.", async (stack) => {
  const result = plan(stack, readStackFile(stack).deployment);
  if ("problems" in result) throw new Error("the stack breaks a rule");

  for (const container of result.plan.containers)
    expect(await violationsWith(containerType, dockerContainer(container, "image", stack))).toEqual([]);
});

test.each([
  ["pulumi:pulumi:Stack", {}],
  ["ascend-pd:index:PdDeployment", { stack: "1p1d" }],
  ["pulumi:providers:command", { version: "1.2.1" }],
  ["pulumi:providers:pulumi", { version: "1.0.0" }],
  [remoteImage, { name: "a", __defaults: [], build: { context: "a", __defaults: ["forceRemove"] } }],
])("A %s passes.", async (type, props) => {
  expect(await violationsWith(type, props)).toEqual([]);
});
