import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { beforeAll, describe, expect, test } from "vitest";
import { callEngine, defaultHost, expectEngine } from "../docker/api.ts";
import { run } from "../system/programs.ts";
import { defaultCacheDir } from "./cache.ts";
import type { Context } from "./context.ts";
import { ensureDockerEngine } from "./docker-engine.ts";
import type { Architecture } from "./node-digests.ts";
import { ensureNodeImage } from "./node-image.ts";
import { pinnedVersion } from "./repository.ts";

const minutes = 60_000;
const context: Context = { cacheDir: defaultCacheDir(), say: () => {} };

describe.skipIf(process.geteuid?.() !== 0)("the Node image", { timeout: 10 * minutes }, () => {
  let host: string;

  beforeAll(async () => {
    const { env } = await ensureDockerEngine(context);
    host = env.DOCKER_HOST ?? process.env.DOCKER_HOST ?? defaultHost;
  }, 10 * minutes);

  test("runs the pinned Node as a plain user on a read-only root with an NPU's device node.", async () => {
    const { image } = await ensureNodeImage(context, host);
    const program = `
      fs.writeFileSync("/dev/davinci4", "x");
      fs.writeFileSync("/shared/x", "x");
      let readOnly = false;
      try { fs.writeFileSync("/x", "x"); } catch ({ code }) { readOnly = code === "EROFS"; }
      console.log(JSON.stringify({
        version: process.version, uid: process.getuid(), user: os.userInfo().username, readOnly,
        loopback: "lo" in os.networkInterfaces(), zone: Intl.DateTimeFormat("zh-CN").format(0) !== "",
      }));`;

    const output = await outputOf({
      Image: image,
      Cmd: ["node", "-e", program],
      User: "1000",
      HostConfig: {
        NetworkMode: "host",
        ReadonlyRootfs: true,
        Tmpfs: { "/shared": "mode=1777" },
        Devices: [{ PathOnHost: "/dev/null", PathInContainer: "/dev/davinci4", CgroupPermissions: "rwm" }],
      },
    });

    expect(JSON.parse(output)).toEqual({
      version: `v${await pinnedVersion("node")}`,
      uid: 1000,
      user: "node",
      readOnly: true,
      loopback: true,
      zone: true,
    });
  });

  test("lets any user write to /tmp, and says under which licences it comes.", async () => {
    const { image } = await ensureNodeImage(context, host);
    const program = `
      fs.writeFileSync("/tmp/x", "x");
      console.log(JSON.stringify(fs.globSync("/usr/share/doc/*/copyright")));`;

    const output = await outputOf({ Image: image, Cmd: ["node", "-e", program], User: "65534" });

    expect(JSON.parse(output)).toContain("/usr/share/doc/libc6/copyright");
  });

  test("Exists for another architecture than the engine's, to build on.", async () => {
    const engine = JSON.parse(await expectEngine(host, "/version")).Arch;
    const other: Architecture = engine === "arm64" ? "amd64" : "arm64";
    const { image } = await ensureNodeImage(context, host, other);
    const dockerfile = `FROM ${image}\nCOPY Dockerfile /app/\nENV A=1\nUSER 1000\nENTRYPOINT ["node", "/app/x"]\n`;

    await expectEngine(host, `/build?platform=linux/${other}&t=ascend-pd-test/built:${other}`, {
      method: "POST",
      tar: await tarOf("Dockerfile", dockerfile),
    });

    const built = JSON.parse(await expectEngine(host, `/images/ascend-pd-test/built:${other}/json`));
    await callEngine(host, `/images/ascend-pd-test/built:${other}`, { method: "DELETE" });
    expect(built).toMatchObject({
      Architecture: other,
      Os: "linux",
      Config: { User: "1000", Entrypoint: ["node", "/app/x"] },
    });
    expect(built.Config.Env).toContain("A=1");
  });

  test("is only looked up once it is in the engine.", async () => {
    await ensureNodeImage(context, host);

    const { choice } = await ensureNodeImage(context, host);

    expect(choice.why).toBe("it is in the engine already");
  });

  /** What a container prints until it ends. */
  async function outputOf(definition: object): Promise<string> {
    const json = { Tty: true, HostConfig: { NetworkMode: "host" }, ...definition };
    const { Id: id } = JSON.parse(await expectEngine(host, "/containers/create", { method: "POST", json }));
    try {
      await expectEngine(host, `/containers/${id}/start`, { method: "POST" });
      const { StatusCode } = JSON.parse(
        await expectEngine(host, `/containers/${id}/wait`, { method: "POST" }),
      );
      const { body } = await callEngine(host, `/containers/${id}/logs?stdout=1&stderr=1`);
      expect(StatusCode, body).toBe(0);
      return body;
    } finally {
      await callEngine(host, `/containers/${id}?force=1`, { method: "DELETE" });
    }
  }
});

async function tarOf(name: string, content: string): Promise<Readable> {
  const folder = await mkdtemp(join(tmpdir(), "ascend-pd-"));
  await writeFile(join(folder, name), content);
  const archive = await run("tar", ["-c", "-C", folder, name]);
  await rm(folder, { recursive: true });
  return Readable.from([Buffer.from(archive)]);
}
