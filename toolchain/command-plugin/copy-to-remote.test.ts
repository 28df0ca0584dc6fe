import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { overSsh } from "./remote-test-support.ts";
import { haveSshd } from "./started-sshd.ts";
import { unknown, type Value } from "./values.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

const copy = "command:remote:CopyToRemote";
const sshd = await haveSshd();
if (!sshd) console.warn("tests over SSH are skipped: install openssh-server to run them");

describe.runIf(sshd)("remote.CopyToRemote", () => {
  const ssh = overSsh();

  test("A text arrives, in folders that are made for it.", async () => {
    const remotePath = join(ssh.folder, "new", "folders", "table.json");
    const inputs = await ssh.checked(copy, { source: text("表\n", "1"), remotePath });

    const { outputs } = await ssh.plugin.create(copy, inputs);

    expect(await readFile(remotePath, "utf8")).toBe("表\n");
    expect(outputs).toEqual(inputs);
  });

  test("A file arrives whole, be it empty or large.", async () => {
    const large = Buffer.alloc(5_000_001, "0123456789");
    await writeFile(join(ssh.folder, "large"), large);
    await writeFile(join(ssh.folder, "empty"), "");
    await mkdir(join(ssh.folder, "into"));

    for (const name of ["large", "empty"]) {
      const inputs = { source: file(join(ssh.folder, name), name), remotePath: join(ssh.folder, "into") };
      await ssh.plugin.create(copy, await ssh.checked(copy, inputs));
    }
    await ssh.plugin.create(
      copy,
      await ssh.checked(copy, { source: text("", "e"), remotePath: join(ssh.folder, "into", "no-text") }),
    );

    expect(large.equals(await readFile(join(ssh.folder, "into", "large")))).toBe(true);
    expect((await stat(join(ssh.folder, "into", "empty"))).size).toBe(0);
    expect((await stat(join(ssh.folder, "into", "no-text"))).size).toBe(0);
  });

  test("A directory arrives below the destination, or in its place with a slash.", async () => {
    await mkdir(join(ssh.folder, "source", "deep"), { recursive: true });
    await writeFile(join(ssh.folder, "source", "deep", "a"), "A");
    await writeFile(join(ssh.folder, "source", "b"), "B");
    const source = join(ssh.folder, "source");

    const below = { source: archive(source, "1"), remotePath: join(ssh.folder, "below") };
    await ssh.plugin.create(copy, await ssh.checked(copy, below));
    const instead = { source: archive(`${source}/`, "1"), remotePath: join(ssh.folder, "instead") };
    await ssh.plugin.create(copy, await ssh.checked(copy, instead));

    expect(await readFile(join(ssh.folder, "below", "source", "deep", "a"), "utf8")).toBe("A");
    expect(await readFile(join(ssh.folder, "instead", "deep", "a"), "utf8")).toBe("A");
    expect(await readFile(join(ssh.folder, "instead", "b"), "utf8")).toBe("B");
  });

  test("An update copies when the content or the destination changed, and only then.", async () => {
    const remotePath = join(ssh.folder, "file");
    const inputs = await ssh.checked(copy, { source: text("one", "1"), remotePath });
    const { outputs } = await ssh.plugin.create(copy, inputs);
    await writeFile(remotePath, "changed behind our back");

    const source = text("one", "1");
    const reached = await ssh.checked(copy, { source, remotePath }, { dialErrorLimit: 1 });
    await ssh.plugin.update(copy, outputs, reached);
    expect(await readFile(remotePath, "utf8")).toBe("changed behind our back");

    await ssh.plugin.update(copy, outputs, { ...inputs, source: text("two", "2") });
    expect(await readFile(remotePath, "utf8")).toBe("two");

    await ssh.plugin.update(copy, outputs, { ...inputs, remotePath: `${remotePath}-2` });
    expect(await readFile(`${remotePath}-2`, "utf8")).toBe("one");
  });

  test("A copy that cannot be made says which path is at fault.", async () => {
    await writeFile(join(ssh.folder, "file"), "");
    const fails = async (source: Value, remotePath: string) =>
      ssh.plugin
        .create(copy, await ssh.checked(copy, { source, remotePath }))
        .catch((error) => error.message);

    expect(await fails(text("x", "1"), ssh.folder)).toContain(`${ssh.folder} is a directory`);
    expect(await fails(text("x", "1"), join(ssh.folder, "file", "below"))).toContain(
      `${join(ssh.folder, "file")} exists and is not a directory`,
    );
    expect(await fails(file("/no/such", "1"), join(ssh.folder, "x"))).toContain("no such file or directory");
  });

  test("Sources that 1.2.1 refuses are refused, and one that is not known yet is not.", async () => {
    const remote = { ...text("", "1"), uri: "https://example.invalid/x" };
    const refused = ["source: must be a FileAsset, a StringAsset, or a FileArchive of a file or directory"];
    const connection = ssh.host.connection;

    expect((await ssh.plugin.check(copy, { connection, source: "x", remotePath: "/x" })).failures).toEqual(
      refused,
    );
    expect((await ssh.plugin.check(copy, { connection, source: remote, remotePath: "/x" })).failures).toEqual(
      refused,
    );
    expect(
      (await ssh.plugin.check(copy, { connection, source: unknown, remotePath: "/x" })).failures,
    ).toEqual([]);
  });

  test("A preview copies nothing, and delete leaves the file where it is.", async () => {
    const remotePath = join(ssh.folder, "file");
    const inputs = await ssh.checked(copy, { source: text("one", "1"), remotePath });

    await ssh.plugin.create(copy, inputs, { preview: true });
    await expect(stat(remotePath)).rejects.toThrow("ENOENT");

    const { outputs } = await ssh.plugin.create(copy, inputs);
    await ssh.plugin.delete(copy, outputs);
    expect(await readFile(remotePath, "utf8")).toBe("one");
  });
});

const signature = "4dabf18193072939515e22adb298388d";
const assetSignature = "c44067f5952c0a294b673a41bacd8c17";

function text(content: string, hash: string) {
  return { [signature]: assetSignature, hash, ...(content && { text: content }) };
}

function file(path: string, hash: string) {
  return { [signature]: assetSignature, hash, path };
}

function archive(path: string, hash: string) {
  return { [signature]: "0def7320c3a5731c473e5ecbe6d01bc7", hash, path };
}
