import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import ssh2 from "ssh2";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { startPlugin } from "../testing/started-plugin.ts";
import { overSsh } from "./remote-test-support.ts";
import { freePort, haveSshd, type StartedSshd, startSshd } from "./started-sshd.ts";
import { secret, unknown } from "./values.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

const command = "command:remote:Command";
const sshd = await haveSshd();
if (!sshd) console.warn("tests over SSH are skipped: install openssh-server to run them");

describe.runIf(sshd)("remote.Command", () => {
  const ssh = overSsh();
  let other: StartedSshd;

  beforeAll(async () => {
    other = await startSshd();
  });
  afterAll(() => other?.stop());

  test("A host that shows the pinned key runs the command with its input and environment.", async () => {
    const inputs = await ssh.checked(command, {
      create: 'cat; echo "$GREETING"; echo to stderr >&2',
      stdin: "first\n",
      environment: { GREETING: "hello" },
    });

    const { outputs } = await ssh.plugin.create(command, inputs);

    expect(outputs).toEqual({ ...inputs, stdout: "first\nhello", stderr: "to stderr" });
    expect(ssh.plugin.logged.map(({ message }) => message)).toEqual(
      expect.arrayContaining(["first", "hello", "to stderr"]),
    );
  });

  test("A host that shows another key is refused at once, and both keys are named.", async () => {
    const before = ssh.plugin.logged.length;
    const inputs = await ssh.checked(
      command,
      { create: `touch ${ssh.folder}/ran` },
      { hostKey: other.hostKey, dialErrorLimit: 5 },
    );

    const failure = await ssh.plugin.create(command, inputs).catch((error) => error.message);

    expect(failure).toContain(
      `host key of ${userInfo().username}@127.0.0.1:${ssh.host.port} is not the pinned one: ` +
        `expected ${fingerprint(other.hostKey)}, seen ${fingerprint(ssh.host.hostKey)}.`,
    );
    expect(ssh.plugin.logged.slice(before)).toEqual([]);
    await expect(stat(join(ssh.folder, "ran"))).rejects.toThrow("ENOENT");
  });

  test("A pinned key of a type that the host does not have is refused with both keys.", async () => {
    const rsa = ssh2.utils.generateKeyPairSync("rsa", { bits: 2048 }).public;
    const inputs = await ssh.checked(command, { create: "true" }, { hostKey: rsa });

    await expect(ssh.plugin.create(command, inputs)).rejects.toThrow(
      `expected ${fingerprint(rsa)}, seen ${fingerprint(ssh.host.hostKey)}.`,
    );
  });

  test("A command that fails is an error with its exit status and all it printed.", async () => {
    const create = "echo out; sleep 0.2; echo err >&2; exit 3";
    const inputs = await ssh.checked(command, { create });

    await expect(ssh.plugin.create(command, inputs)).rejects.toThrow(
      `exit status 3: running "${create}":\nout\nerr\n`,
    );
    await expect(ssh.plugin.create(command, { ...inputs, create: "kill -TERM $$" })).rejects.toThrow(
      "signal: SIGTERM",
    );
  });

  test("Attempts to connect are repeated as often as allowed, and no more.", async () => {
    const before = ssh.plugin.logged.length;
    const inputs = await ssh.checked(
      command,
      { create: "true" },
      { port: await freePort(), dialErrorLimit: 2 },
    );

    await expect(ssh.plugin.create(command, inputs)).rejects.toThrow(/attempt 3 of 3: .*ECONNREFUSED/);

    expect(ssh.plugin.logged.slice(before).map(({ message }) => message)).toEqual([
      "Dial 1/2 failed: retrying",
      "Dial 2/2 failed: retrying",
    ]);
  });

  test("A key that may not log in is refused with what the host said.", async () => {
    const stranger = ssh2.utils.generateKeyPairSync("ecdsa", { bits: 256 }).private;
    const inputs = await ssh.checked(command, { create: "true" }, { privateKey: stranger });

    await expect(ssh.plugin.create(command, inputs)).rejects.toThrow("authentication methods failed");
  });

  test("A private key that cannot be read is not tried twice.", async () => {
    const inputs = await ssh.checked(
      command,
      { create: "true" },
      { privateKey: "nonsense", dialErrorLimit: -1 },
    );

    await expect(ssh.plugin.create(command, inputs)).rejects.toThrow("Cannot parse privateKey");
  });

  test("Update and delete see what the run before printed.", async () => {
    const inputs = await ssh.checked(command, {
      create: "echo joined",
      update: 'echo "again, was $PULUMI_COMMAND_STDOUT"',
      delete: `echo "left, was $PULUMI_COMMAND_STDOUT" > ${ssh.folder}/left`,
    });
    const { outputs } = await ssh.plugin.create(command, inputs);

    const updated = await ssh.plugin.update(command, outputs, inputs);
    await ssh.plugin.delete(command, updated);

    expect(updated.stdout).toBe("again, was joined");
    expect(await readFile(join(ssh.folder, "left"), "utf8")).toBe("left, was again, was joined\n");
  });

  test("A variable that sshd does not accept fails the command before it runs.", async () => {
    const inputs = await ssh.checked(command, {
      create: `touch ${ssh.folder}/ran`,
      environment: { GREETING: "hello", NOT_ACCEPTED: "x" },
    });

    await expect(ssh.plugin.create(command, inputs)).rejects.toThrow("Unable to set 'NOT_ACCEPTED'");
    await expect(stat(join(ssh.folder, "ran"))).rejects.toThrow("ENOENT");
  });

  test("Output of the run before that sshd does not accept is a warning.", async () => {
    const inputs = await ssh.checked(command, { create: "echo err >&2" });
    const { outputs } = await ssh.plugin.create(command, inputs);
    const before = ssh.plugin.logged.length;

    await ssh.plugin.update(command, outputs, inputs);
    await ssh.plugin.update(command, outputs, { ...inputs, addPreviousOutputInEnv: false });

    const stays = ssh.plugin.logged.slice(before).filter(({ ephemeral }) => !ephemeral);
    expect(stays.map(({ message }) => message.split(".")[0])).toEqual([
      "Unable to set 'PULUMI_COMMAND_STDERR'",
    ]);
  });

  test("A bastion carries the connection, and each host has its own pin.", async () => {
    const proxy = other.connection;
    const through = { connection: { ...ssh.host.connection, proxy }, create: 'echo "$SSH_CONNECTION"' };
    const wrong = {
      ...through,
      connection: { ...ssh.host.connection, proxy: { ...proxy, hostKey: ssh.host.hostKey } },
    };

    const { outputs } = await ssh.plugin.create(command, await ssh.checked(command, through));

    expect(outputs.stdout).toMatch(new RegExp(`^127.0.0.1 \\d+ 127.0.0.1 ${ssh.host.port}$`));
    await expect(ssh.plugin.create(command, await ssh.checked(command, wrong))).rejects.toThrow(
      `127.0.0.1:${other.port} is not the pinned one`,
    );
  });

  test("A connection that breaks while the command runs is an error.", async () => {
    const inputs = await ssh.checked(command, { create: "echo begun; sleep 0.5; kill -KILL $PPID; sleep 5" });

    await expect(ssh.plugin.create(command, inputs)).rejects.toThrow(
      /^the connection ended before the command did: running .*\nbegun\n$/,
    );
  });

  test("Cancel ends the call.", async () => {
    const cancelled = await startPlugin();
    const running = cancelled.create(command, await ssh.checked(command, { create: "echo begun; sleep 5" }));
    running.catch(() => {});
    await vi.waitFor(() => expect(cancelled.logged.map(({ message }) => message)).toContain("begun"), 10_000);

    await cancelled.cancel();

    await expect(running).rejects.toThrow('cancelled: running "echo begun; sleep 5"');
    await cancelled.stop();
  });

  test("The connection is a secret with its defaults, in check and in the outputs.", async () => {
    const { privateKey = "", hostKey = "" } = ssh.host.connection;
    const given = { host: "127.0.0.1", port: ssh.host.port, user: userInfo().username, privateKey, hostKey };
    const expected = secret({
      ...given,
      privateKey: secret(privateKey),
      dialErrorLimit: 10,
      perDialTimeout: 15,
    });

    const { inputs } = await ssh.plugin.check(command, { connection: given, create: "true" });
    const { outputs } = await ssh.plugin.create(command, inputs);

    expect(inputs.connection).toEqual(expected);
    expect(outputs.connection).toEqual(expected);
    expect((await ssh.plugin.check(command, { connection: secret(given) })).inputs.connection).toEqual(
      expected,
    );
    expect((await ssh.plugin.check(command, { connection: unknown })).failures).toEqual([]);
  });

  test("A connection that cannot work is refused by check.", async () => {
    const connection = { port: "22", password: 7, hostKey: "nonsense", proxy: {} };

    expect((await ssh.plugin.check(command, { connection })).failures).toEqual([
      "connection.host: is required",
      "connection.port: must be a number",
      "connection.password: must be a string",
      "connection.hostKey: must be a public key in OpenSSH format, e.g. ssh-ed25519 AAAA…",
      "connection.proxy.host: is required",
    ]);
  });
});

/** Worked out by ssh-keygen's rule, apart from the code under test. */
function fingerprint(publicKey: string): string {
  const [type, base64 = ""] = publicKey.split(" ");
  const digest = createHash("sha256").update(Buffer.from(base64, "base64")).digest("base64");
  return `${type} SHA256:${digest.replaceAll("=", "")}`;
}
