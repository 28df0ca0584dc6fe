import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ProbeArguments } from "../../components/probes/arguments.ts";
import { type RunResult, run, tryRun } from "../../system/programs.ts";
import { defaultCacheDir } from "../../toolchain/cache.ts";
import type { Context } from "../../toolchain/context.ts";
import { ensureDockerd } from "../../toolchain/docker-engine.ts";
import { type OwnEngine, ownEngine, removeEngine, startEngine } from "../../toolchain/own-engine.ts";

// How an image can fail to come to a host, by the claim that brings it there before an instance is touched. The
// registry is one of the test's own: behind a password, with one tiny image.
const user = { username: "robot", password: "sesame" };
let server: Server;
let registry: string;
/** What has come with the right password. */
let served: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    const wanted = `Basic ${Buffer.from(`${user.username}:${user.password}`).toString("base64")}`;
    if (request.headers.authorization !== wanted) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="test"' });
      return response.end('{"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}');
    }
    served.push(String(request.url));
    const [, kind, reference = ""] = /^\/v2\/vllm\/(manifests|blobs)\/(.*)$/.exec(String(request.url)) ?? [];
    const body = kind === "blobs" ? blobs.get(reference) : kind === "manifests" ? manifest : "{}";
    if (body === undefined) return response.writeHead(404).end();
    const size = Buffer.byteLength(body);
    const type = kind === "manifests" ? manifestType : "application/octet-stream";
    response
      .writeHead(200, { "content-type": type, "content-length": size, "docker-content-digest": digest(body) })
      .end(body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  registry = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => server.close());

const digest = (body: string | Buffer) => `sha256:${createHash("sha256").update(body).digest("hex")}`;
const layer = Buffer.alloc(1024);
const config = JSON.stringify({
  architecture: process.arch === "arm64" ? "amd64" : "arm64",
  os: "linux",
  config: {},
  rootfs: { type: "layers", diff_ids: [digest(layer)] },
});
const blobs = new Map([config, layer].map((body) => [digest(body), body]));
const manifestType = "application/vnd.docker.distribution.manifest.v2+json";
const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: manifestType,
  config: {
    mediaType: "application/vnd.docker.container.image.v1+json",
    size: config.length,
    digest: digest(config),
  },
  layers: [
    {
      mediaType: "application/vnd.docker.image.rootfs.diff.tar",
      size: layer.length,
      digest: digest(layer),
    },
  ],
});

function claim(image: string, credentials: object[] = []): Promise<RunResult> {
  served = [];
  const args: ProbeArguments["claim-npus"] = {
    host: { name: "host-a", address: "127.0.0.1" },
    container: "claimant",
    devices: ["/dev/null"],
    image,
  };
  return tryRun("node", ["components/probes/claim-npus.ts"], {
    env: { ...process.env, PROBE: JSON.stringify(args) },
    input: JSON.stringify(credentials),
  });
}

test("A registry that wants a password is told, and where to put it.", async () => {
  const { code, stderr } = await claim(`${registry}/vllm:1`);

  expect(stderr).toContain(
    `host-a has no image ${registry}/vllm:1, and its Docker Engine could not pull it: `,
  );
  expect(stderr).toMatch(/no basic auth credentials|authentication required|unauthorized/);
  expect(stderr).toContain("ascend-pd:registryAuth");
  expect(code).toBe(1);
});

test("A password for another registry is not sent.", async () => {
  const { code } = await claim(`${registry}/vllm:1`, [{ address: "registry.example.com", ...user }]);

  expect(served).toEqual([]);
  expect(code).toBe(1);
});

test("With the right one the image is pulled; one for another architecture is refused all the same.", async () => {
  const { stderr } = await claim(`${registry}/vllm:1`, [{ address: registry, ...user }]);

  expect(served, stderr).toContain("/v2/vllm/manifests/1");
  expect(stderr).toMatch(
    /^host-a: image \S+vllm:1 is for (arm64|amd64), but the host is (arm64|amd64)\nfix: /,
  );
  expect(stderr).not.toContain(user.password);
});

test("An image that is not what its digest says is refused.", async () => {
  const pinned = `${registry}/vllm@sha256:${"0".repeat(64)}`;

  const { code, stderr } = await claim(pinned, [{ address: registry, ...user }]);

  expect(stderr).toContain(`host-a has no image ${pinned}, and its Docker Engine could not pull it: `);
  expect(stderr).toContain("manifest verification failed for digest");
  expect(code).toBe(1);
});

describe.skipIf(process.geteuid?.() !== 0)("A host whose disk is full", () => {
  const context: Context = { cacheDir: defaultCacheDir(), say: () => {} };
  let folder: string;
  let engine: OwnEngine;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ascend-pd-full-"));
    const data = join(folder, "data");
    await mkdir(data);
    await run("mount", ["-t", "tmpfs", "-o", "size=48m", "tmpfs", data]);
    engine = { ...ownEngine(folder), dataRoot: join(data, "engine/root"), log: join(folder, "dockerd.log") };
    await startEngine(context, engine, await ensureDockerd(context));
  });

  afterAll(async () => {
    await removeEngine(context, engine);
    await run("umount", [join(folder, "data")]);
    await rm(folder, { recursive: true, force: true });
  });

  test("says so by name, with what to look at; with room again the same image arrives.", async () => {
    const host = { name: "host-a", address: "127.0.0.1", docker: engine.host };
    const image = process.env.ASCEND_PD_NODE_IMAGE ?? "";
    const send = () =>
      tryRun("node", ["components/probes/node-image.ts"], {
        env: { ...process.env, PROBE: JSON.stringify({ host, image }) },
      });

    const failed = await send();
    await run("mount", ["-o", "remount,size=2g", join(folder, "data")]);
    const mended = await send();

    expect(failed.stderr).toMatch(/^host-a: .*no space left on device/);
    expect(failed.stderr).toContain("fix: ");
    expect(failed.code).toBe(1);
    expect(mended.stdout).toContain(`${image} on host-a: `);
    expect(mended.code).toBe(0);
  });
});
