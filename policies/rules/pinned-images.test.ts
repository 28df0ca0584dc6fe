import * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeEach, expect, test } from "vitest";
import { resource, stackViolationsOf, unknown } from "../testing/validated.ts";
import { pinnedImages } from "./pinned-images.ts";

const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

beforeEach(() => pulumi.runtime.setAllConfig({ "ascend-pd:production": "true" }));
afterEach(() => pulumi.runtime.setAllConfig({}));

const container = (image: string) => ({ args: resource("decode-0", { image }) });
const remoteImage = (props: object) => ({
  args: resource("scheduler", props, "docker:index/remoteImage:RemoteImage"),
});

const messages = async (...resources: Parameters<typeof stackViolationsOf>[1][number][]) =>
  (await stackViolationsOf(pinnedImages, resources)).map(({ message }) => message);

test.each([
  "ascend-vllm:6.3.910",
  "ascend-vllm",
  `ascend-vllm@${digest.slice(0, -1)}`,
  `ascend-vllm:${digest.slice(7)}`,
])("The image %s is reported with the container's name.", async (image) => {
  expect(await messages(container(image))).toEqual([`decode-0 runs ${image}`]);
});

test.each([`ascend-vllm@${digest}`, `registry:5000/ascend-vllm:6.3.910@${digest}`, digest, unknown])(
  "The image %s passes.",
  async (image) => {
    expect(await messages(container(image))).toEqual([]);
  },
);

test("This repository's Node image is a base, and runs nothing itself.", async () => {
  expect(await messages(container("ascend-pd/node:24.21.0"))).toEqual([
    "decode-0 runs ascend-pd/node:24.21.0",
  ]);
});

test("An image that is pulled for a container is reported at the pull.", async () => {
  const found = await messages(remoteImage({ name: "ascend-vllm:6.3.910" }), container(unknown));

  expect(found).toEqual(["scheduler is ascend-vllm:6.3.910"]);
});

test.each([
  [{ NODE_IMAGE: "node:24-slim" }, ["scheduler is built on node:24-slim"]],
  [{ DEBUG: "1" }, ["scheduler is built on a base that no build argument names"]],
  [{ NODE_IMAGE: `node:24-slim@${digest}` }, []],
  [{ NODE_IMAGE: "ascend-pd/node:24.21.0" }, []],
  [{ NODE_IMAGE: "ascend-pd/node:latest" }, ["scheduler is built on ascend-pd/node:latest"]],
])("An image that the stack builds with the arguments %j: %j.", async (buildArgs, expected) => {
  const name = "ascend-pd/scheduler:1p1d-0a1b2c";

  const found = await messages(remoteImage({ name, build: { context: ".", buildArgs } }), container(name));

  expect(found).toEqual(expected);
});

test.each([undefined, "false"])("A stack marked %s may use tags.", async (production) => {
  pulumi.runtime.setAllConfig(production === undefined ? {} : { "ascend-pd:production": production });

  expect(await messages(container("ascend-vllm:6.3.910"))).toEqual([]);
});
