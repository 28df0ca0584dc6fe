import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import ssh2 from "ssh2";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type StartedPlugin, startPlugin } from "./started-plugin.ts";
import { freePort, haveSshd, type StartedSshd, startSshd } from "./started-sshd.ts";
import { type PropertyMap, secret, unknown, type Value } from "./values.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

const command = "command:remote:Command";
const copy = "command:remote:CopyToRemote";
const sshd = await haveSshd();
if (!sshd) console.warn("tests over SSH are skipped: install openssh-server to run them");

describe.runIf(sshd)("over SSH", () => {
  let plugin: StartedPlugin;
  let host: StartedSshd;
  let other: StartedSshd;
  let folder: string;

  beforeAll(async () => {
    [plugin, host, other] = await Promise.all([startPlugin(), startSshd(), startSshd()]);
  });
  afterAll(() => Promise.all([plugin?.stop(), host?.stop(), other?.stop()]));
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "remote-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** Inputs as `check` completes them, with changes to the connection. */
  async function checked(
    type: string,
    inputs: PropertyMap,
    connection: PropertyMap = {},
  ): Promise<PropertyMap> {
    const result = await plugin.check(type, { connection: { ...host.connection, ...connection }, ...inputs });
    expect(result.failures).toEqual([]);
    return result.inputs;
  }

  describe("remote.Command", () => {
    test("a host that shows the pinned key runs the command with its input and environment", async () => {
      const inputs = await checked(command, {
        create: 'cat; echo "$GREETING"; echo to stderr >&2',
        stdin: "first\n",
        environment: { GREETING: "hello" },
      });

      const { outputs } = await plugin.create(command, inputs);

      expect(outputs).toEqual({ ...inputs, stdout: "first\nhello", stderr: "to stderr" });
      expect(plugin.logged.map(({ message }) => message)).toEqual(
        expect.arrayContaining(["first", "hello", "to stderr"]),
      );
    });

    test("a host that shows another key is refused at once, and both keys are named", async () => {
      const before = plugin.logged.length;
      const inputs = await checked(
        command,
        { create: `touch ${folder}/ran` },
        { hostKey: other.hostKey, dialErrorLimit: 5 },
      );

      const failure = await plugin.create(command, inputs).catch((error) => error.message);

      expect(failure).toContain(
        `host key of ${userInfo().username}@127.0.0.1:${host.port} is not the pinned one: ` +
          `expected ${fingerprint(other.hostKey)}, seen ${fingerprint(host.hostKey)}.`,
      );
      expect(plugin.logged.slice(before)).toEqual([]);
      await expect(stat(join(folder, "ran"))).rejects.toThrow("ENOENT");
    });

    test("a pinned key of a type that the host does not have is refused with both keys", async () => {
      const rsa = ssh2.utils.generateKeyPairSync("rsa", { bits: 2048 }).public;
      const inputs = await checked(command, { create: "true" }, { hostKey: rsa });

      await expect(plugin.create(command, inputs)).rejects.toThrow(
        `expected ${fingerprint(rsa)}, seen ${fingerprint(host.hostKey)}.`,
      );
    });

    test("a command that fails is an error with its exit status and all it printed", async () => {
      const create = "echo out; sleep 0.2; echo err >&2; exit 3";
      const inputs = await checked(command, { create });

      await expect(plugin.create(command, inputs)).rejects.toThrow(
        `exit status 3: running "${create}":\nout\nerr\n`,
      );
      await expect(plugin.create(command, { ...inputs, create: "kill -TERM $$" })).rejects.toThrow(
        "signal: SIGTERM",
      );
    });

    test("attempts to connect are repeated as often as allowed, and no more", async () => {
      const before = plugin.logged.length;
      const inputs = await checked(
        command,
        { create: "true" },
        { port: await freePort(), dialErrorLimit: 2 },
      );

      await expect(plugin.create(command, inputs)).rejects.toThrow(/attempt 3 of 3: .*ECONNREFUSED/);

      expect(plugin.logged.slice(before).map(({ message }) => message)).toEqual([
        "Dial 1/2 failed: retrying",
        "Dial 2/2 failed: retrying",
      ]);
    });

    test("a key that may not log in is refused with what the host said", async () => {
      const stranger = ssh2.utils.generateKeyPairSync("ecdsa", { bits: 256 }).private;
      const inputs = await checked(command, { create: "true" }, { privateKey: stranger });

      await expect(plugin.create(command, inputs)).rejects.toThrow("authentication methods failed");
    });

    test("a private key that cannot be read is not tried twice", async () => {
      const inputs = await checked(
        command,
        { create: "true" },
        { privateKey: "nonsense", dialErrorLimit: -1 },
      );

      await expect(plugin.create(command, inputs)).rejects.toThrow("Cannot parse privateKey");
    });

    test("update and delete see what the run before printed", async () => {
      const inputs = await checked(command, {
        create: "echo joined",
        update: 'echo "again, was $PULUMI_COMMAND_STDOUT"',
        delete: `echo "left, was $PULUMI_COMMAND_STDOUT" > ${folder}/left`,
      });
      const { outputs } = await plugin.create(command, inputs);

      const updated = await plugin.update(command, outputs, inputs);
      await plugin.delete(command, updated);

      expect(updated.stdout).toBe("again, was joined");
      expect(await readFile(join(folder, "left"), "utf8")).toBe("left, was again, was joined\n");
    });

    test("a variable that sshd does not accept fails the command before it runs", async () => {
      const inputs = await checked(command, {
        create: `touch ${folder}/ran`,
        environment: { GREETING: "hello", NOT_ACCEPTED: "x" },
      });

      await expect(plugin.create(command, inputs)).rejects.toThrow("Unable to set 'NOT_ACCEPTED'");
      await expect(stat(join(folder, "ran"))).rejects.toThrow("ENOENT");
    });

    test("output of the run before that sshd does not accept is a warning", async () => {
      const inputs = await checked(command, { create: "echo err >&2" });
      const { outputs } = await plugin.create(command, inputs);
      const before = plugin.logged.length;

      await plugin.update(command, outputs, inputs);
      await plugin.update(command, outputs, { ...inputs, addPreviousOutputInEnv: false });

      const stays = plugin.logged.slice(before).filter(({ ephemeral }) => !ephemeral);
      expect(stays.map(({ message }) => message.split(".")[0])).toEqual([
        "Unable to set 'PULUMI_COMMAND_STDERR'",
      ]);
    });

    test("a bastion carries the connection, and each host has its own pin", async () => {
      const proxy = other.connection;
      const through = { connection: { ...host.connection, proxy }, create: 'echo "$SSH_CONNECTION"' };
      const wrong = {
        ...through,
        connection: { ...host.connection, proxy: { ...proxy, hostKey: host.hostKey } },
      };

      const { outputs } = await plugin.create(command, await checked(command, through));

      expect(outputs.stdout).toMatch(new RegExp(`^127.0.0.1 \\d+ 127.0.0.1 ${host.port}$`));
      await expect(plugin.create(command, await checked(command, wrong))).rejects.toThrow(
        `127.0.0.1:${other.port} is not the pinned one`,
      );
    });

    test("a connection that breaks while the command runs is an error", async () => {
      const inputs = await checked(command, { create: "echo begun; sleep 0.5; kill -KILL $PPID; sleep 5" });

      await expect(plugin.create(command, inputs)).rejects.toThrow(
        /^the connection ended before the command did: running .*\nbegun\n$/,
      );
    });

    test("cancel ends the call", async () => {
      const cancelled = await startPlugin();
      const running = cancelled.create(command, await checked(command, { create: "echo begun; sleep 5" }));
      running.catch(() => {});
      await vi.waitFor(
        () => expect(cancelled.logged.map(({ message }) => message)).toContain("begun"),
        10_000,
      );

      await cancelled.cancel();

      await expect(running).rejects.toThrow('cancelled: running "echo begun; sleep 5"');
      await cancelled.stop();
    });

    test("the connection is a secret with its defaults, in check and in the outputs", async () => {
      const { privateKey = "", hostKey = "" } = host.connection;
      const given = { host: "127.0.0.1", port: host.port, user: userInfo().username, privateKey, hostKey };
      const expected = secret({
        ...given,
        privateKey: secret(privateKey),
        dialErrorLimit: 10,
        perDialTimeout: 15,
      });

      const { inputs } = await plugin.check(command, { connection: given, create: "true" });
      const { outputs } = await plugin.create(command, inputs);

      expect(inputs.connection).toEqual(expected);
      expect(outputs.connection).toEqual(expected);
      expect((await plugin.check(command, { connection: secret(given) })).inputs.connection).toEqual(
        expected,
      );
      expect((await plugin.check(command, { connection: unknown })).failures).toEqual([]);
    });

    test("a connection that cannot work is refused by check", async () => {
      const connection = { port: "22", password: 7, hostKey: "nonsense", proxy: {} };

      expect((await plugin.check(command, { connection })).failures).toEqual([
        "connection.host: is required",
        "connection.port: must be a number",
        "connection.password: must be a string",
        "connection.hostKey: must be a public key in OpenSSH format, e.g. ssh-ed25519 AAAA…",
        "connection.proxy.host: is required",
      ]);
    });
  });

  describe("remote.CopyToRemote", () => {
    test("a text arrives, in folders that are made for it", async () => {
      const remotePath = join(folder, "new", "folders", "table.json");
      const inputs = await checked(copy, { source: text("表\n", "1"), remotePath });

      const { outputs } = await plugin.create(copy, inputs);

      expect(await readFile(remotePath, "utf8")).toBe("表\n");
      expect(outputs).toEqual(inputs);
    });

    test("a file arrives whole, be it empty or large", async () => {
      const large = Buffer.alloc(5_000_001, "0123456789");
      await writeFile(join(folder, "large"), large);
      await writeFile(join(folder, "empty"), "");
      await mkdir(join(folder, "into"));

      for (const name of ["large", "empty"]) {
        const inputs = { source: file(join(folder, name), name), remotePath: join(folder, "into") };
        await plugin.create(copy, await checked(copy, inputs));
      }
      await plugin.create(
        copy,
        await checked(copy, { source: text("", "e"), remotePath: join(folder, "into", "no-text") }),
      );

      expect(large.equals(await readFile(join(folder, "into", "large")))).toBe(true);
      expect((await stat(join(folder, "into", "empty"))).size).toBe(0);
      expect((await stat(join(folder, "into", "no-text"))).size).toBe(0);
    });

    test("a directory arrives below the destination, or in its place with a slash", async () => {
      await mkdir(join(folder, "source", "deep"), { recursive: true });
      await writeFile(join(folder, "source", "deep", "a"), "A");
      await writeFile(join(folder, "source", "b"), "B");
      const source = join(folder, "source");

      const below = { source: archive(source, "1"), remotePath: join(folder, "below") };
      await plugin.create(copy, await checked(copy, below));
      const instead = { source: archive(`${source}/`, "1"), remotePath: join(folder, "instead") };
      await plugin.create(copy, await checked(copy, instead));

      expect(await readFile(join(folder, "below", "source", "deep", "a"), "utf8")).toBe("A");
      expect(await readFile(join(folder, "instead", "deep", "a"), "utf8")).toBe("A");
      expect(await readFile(join(folder, "instead", "b"), "utf8")).toBe("B");
    });

    test("an update copies when the content or the destination changed, and only then", async () => {
      const remotePath = join(folder, "file");
      const inputs = await checked(copy, { source: text("one", "1"), remotePath });
      const { outputs } = await plugin.create(copy, inputs);
      await writeFile(remotePath, "changed behind our back");

      await plugin.update(copy, outputs, { ...inputs, connection: await secretWith({ dialErrorLimit: 1 }) });
      expect(await readFile(remotePath, "utf8")).toBe("changed behind our back");

      await plugin.update(copy, outputs, { ...inputs, source: text("two", "2") });
      expect(await readFile(remotePath, "utf8")).toBe("two");

      await plugin.update(copy, outputs, { ...inputs, remotePath: `${remotePath}-2` });
      expect(await readFile(`${remotePath}-2`, "utf8")).toBe("one");
    });

    test("a copy that cannot be made says which path is at fault", async () => {
      await writeFile(join(folder, "file"), "");
      const fails = async (source: Value, remotePath: string) =>
        plugin.create(copy, await checked(copy, { source, remotePath })).catch((error) => error.message);

      expect(await fails(text("x", "1"), folder)).toContain(`${folder} is a directory`);
      expect(await fails(text("x", "1"), join(folder, "file", "below"))).toContain(
        `${join(folder, "file")} exists and is not a directory`,
      );
      expect(await fails(file("/no/such", "1"), join(folder, "x"))).toContain("no such file or directory");
    });

    test("sources that 1.2.1 refuses are refused, and one that is not known yet is not", async () => {
      const remote = { ...text("", "1"), uri: "https://example.invalid/x" };
      const refused = ["source: must be a FileAsset, a StringAsset, or a FileArchive of a file or directory"];
      const connection = host.connection;

      expect((await plugin.check(copy, { connection, source: "x", remotePath: "/x" })).failures).toEqual(
        refused,
      );
      expect((await plugin.check(copy, { connection, source: remote, remotePath: "/x" })).failures).toEqual(
        refused,
      );
      expect((await plugin.check(copy, { connection, source: unknown, remotePath: "/x" })).failures).toEqual(
        [],
      );
    });

    test("a preview copies nothing, and delete leaves the file where it is", async () => {
      const remotePath = join(folder, "file");
      const inputs = await checked(copy, { source: text("one", "1"), remotePath });

      await plugin.create(copy, inputs, { preview: true });
      await expect(stat(remotePath)).rejects.toThrow("ENOENT");

      const { outputs } = await plugin.create(copy, inputs);
      await plugin.delete(copy, outputs);
      expect(await readFile(remotePath, "utf8")).toBe("one");
    });
  });

  async function secretWith(connection: PropertyMap): Promise<Value> {
    return (await checked(command, {}, connection)).connection ?? null;
  }
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

/** Worked out by ssh-keygen's rule, apart from the code under test. */
function fingerprint(publicKey: string): string {
  const [type, base64 = ""] = publicKey.split(" ");
  const digest = createHash("sha256").update(Buffer.from(base64, "base64")).digest("base64");
  return `${type} SHA256:${digest.replaceAll("=", "")}`;
}
