import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { isAlive, processIdentity } from "../../system/processes.ts";
import { tryRun } from "../../system/programs.ts";
import { launcher, type StartedPlugin, secret, startPlugin } from "../testing/started-plugin.ts";
import { unknown } from "./values.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const type = "command:local:Command";
let plugin: StartedPlugin;
let folder: string;

beforeAll(async () => {
  plugin = await startPlugin(launcher, { FROM_THE_SYSTEM: "inherited" });
});
afterAll(() => plugin.stop());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "command-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("Create runs the command with its input and environment, and keeps what it printed.", async () => {
  const { id, outputs } = await plugin.create(type, {
    create: 'cat; echo "$GIVEN $FROM_THE_SYSTEM"; printf "two\\n\\n" >&2',
    stdin: "first\n",
    environment: { GIVEN: "given" },
  });

  expect(id).toMatch(/^gate[0-9a-f]{8}$/);
  expect(outputs).toMatchObject({ stdout: "first\ngiven inherited", stderr: "two\n", stdin: "first\n" });
});

test("A command without `create` has empty outputs.", async () => {
  const { outputs } = await plugin.create(type, { delete: "exit 1" });

  expect(outputs).toEqual({ delete: "exit 1", stdout: "", stderr: "" });
});

test("The interpreter and the directory are those of the inputs.", async () => {
  const { outputs } = await plugin.create(type, {
    create: "console.log(process.cwd())",
    interpreter: [process.execPath, "-e"],
    dir: folder,
  });

  expect(outputs.stdout).toBe(folder);
});

test("Update runs `update`, which sees what the run before printed.", async () => {
  const { outputs } = await plugin.create(type, { create: "echo out; echo err >&2" });

  const updated = await plugin.update(type, outputs, {
    create: "exit 1",
    update: 'echo "$PULUMI_COMMAND_STDOUT/$PULUMI_COMMAND_STDERR"',
  });

  expect(updated).toMatchObject({ create: "exit 1", stdout: "out/err", stderr: "" });
});

test("Update runs `create` again where there is no `update`.", async () => {
  const { outputs } = await plugin.create(type, { create: "echo one" });

  const updated = await plugin.update(type, outputs, { create: "echo two" });

  expect(updated).toEqual({ create: "echo two", stdout: "two", stderr: "" });
});

test("addPreviousOutputInEnv: false keeps the output of the run before out of the environment.", async () => {
  const inputs = { create: 'echo "[$PULUMI_COMMAND_STDOUT]"', addPreviousOutputInEnv: false };
  const { outputs } = await plugin.create(type, inputs);

  const updated = await plugin.update(type, outputs, inputs);

  expect(updated.stdout).toBe("[]");
});

test("Delete runs `delete` with the inputs in the state and the last output.", async () => {
  const { outputs } = await plugin.create(type, {
    create: "echo joined",
    delete: 'echo "$WHO left, was $PULUMI_COMMAND_STDOUT" > left',
    environment: { WHO: "decode-1" },
    dir: folder,
  });

  await plugin.delete(type, outputs);

  expect(await readFile(join(folder, "left"), "utf8")).toBe("decode-1 left, was joined\n");
});

test("A command that fails is an error with its exit status and all it printed.", async () => {
  const inputs = { create: "echo out; echo err >&2; exit 3", delete: "exit 4" };

  await expect(plugin.create(type, inputs)).rejects.toThrow(
    'exit status 3: running "echo out; echo err >&2; exit 3":\n',
  );
  await expect(plugin.create(type, inputs)).rejects.toThrow(/\n(out\nerr|err\nout)\n$/);
  await expect(plugin.delete(type, inputs)).rejects.toThrow("exit status 4");
  await expect(plugin.create(type, { create: "kill -TERM $$" })).rejects.toThrow("signal: SIGTERM");
});

test("A program or a directory that is not there is named.", async () => {
  await expect(plugin.create(type, { create: "x", interpreter: ["/no/such"] })).rejects.toThrow("/no/such");
  await expect(plugin.create(type, { create: "true", dir: "/no/such" })).rejects.toThrow(
    "/no/such is not a directory",
  );
});

test("A command that does not read its input can still end well.", async () => {
  const { outputs } = await plugin.create(type, { create: "exec true", stdin: "x".repeat(1 << 20) });

  expect(outputs.stdout).toBe("");
});

test("Characters that arrive in pieces are put together.", async () => {
  const { outputs } = await plugin.create(type, {
    create: "printf '\\347\\247'; sleep 0.2; printf '\\222\\n'",
  });

  expect(outputs.stdout).toBe("秒");
});

test.for([
  { logging: undefined, lines: ["out", "err", "end"] },
  { logging: "stdoutAndStderr", lines: ["out", "err", "end"] },
  { logging: "stdout", lines: ["out", "end"] },
  { logging: "stderr", lines: ["err"] },
  { logging: "none", lines: [] },
])("Logging $logging shows $lines.", async ({ logging, lines }) => {
  const before = plugin.logged.length;

  await plugin.create(type, {
    create: "echo out; sleep 0.2; echo err >&2; sleep 0.2; printf end",
    ...(logging && { logging }),
  });

  const shown = plugin.logged.slice(before);
  expect(shown.map(({ message }) => message)).toEqual(lines);
  expect(shown.every(({ urn, ephemeral }) => urn.endsWith("::gate") && ephemeral)).toBe(true);
});

test("A preview runs nothing, and leaves the outputs unknown.", async () => {
  const inputs = { create: "touch ran", update: "touch ran", dir: folder };

  const created = await plugin.create(type, inputs, { preview: true });
  const updated = await plugin.update(type, { ...inputs, stdout: "old", stderr: "" }, inputs, {
    preview: true,
  });

  expect(created.outputs).toEqual({ ...inputs, stdout: unknown, stderr: unknown });
  expect(updated).toEqual({ ...inputs, stdout: unknown, stderr: unknown });
  await expect(readFile(join(folder, "ran"))).rejects.toThrow("ENOENT");
});

test("Secret inputs reach the command in the open and stay secret in the outputs.", async () => {
  const environment = { TOKEN: secret("hunter2") };

  const { outputs } = await plugin.create(type, {
    create: secret('printf "$TOKEN" | wc -c'),
    environment,
    triggers: secret(["a"]),
  });

  expect(outputs).toEqual({
    create: secret('printf "$TOKEN" | wc -c'),
    environment,
    triggers: secret(["a"]),
    stdout: "7",
    stderr: "",
  });
});

test("A changed trigger replaces the resource, any other change updates it.", async () => {
  const olds = { create: "a", triggers: ["x", 1] };

  expect(await plugin.diff(type, olds, olds)).toEqual({ changed: false, replaces: [], detailed: {} });
  expect(await plugin.diff(type, olds, { ...olds, create: "b" })).toEqual({
    changed: true,
    replaces: [],
    detailed: { create: "UPDATE" },
  });
  expect(await plugin.diff(type, olds, { ...olds, triggers: ["x", 2] })).toEqual({
    changed: true,
    replaces: ["triggers"],
    detailed: { "triggers[1]": "UPDATE_REPLACE" },
  });
  expect(await plugin.diff(type, { create: "a" }, olds)).toMatchObject({
    replaces: ["triggers"],
    detailed: { triggers: "ADD_REPLACE" },
  });
});

test("What the stand-in does not cover, or cannot be, is refused before anything runs.", async () => {
  const uncovered = await plugin.check(type, { create: "x", archivePaths: ["*"] });
  const misshapen = await plugin.check(type, { create: 1, environment: unknown, logging: "all" });

  expect(uncovered.failures).toEqual([
    expect.stringMatching(
      /^archivePaths: not covered by the stand-in .*: install the published plugin \(.*\)$/,
    ),
  ]);
  expect(misshapen.failures).toEqual([
    "create: must be a string",
    "logging: must be one of stdout, stderr, stdoutAndStderr, none",
  ]);
});

test.for(["Command", "CopyToRemote", "CopyFile"])(
  "A remote %s is refused by name, with the fix.",
  async (name) => {
    const remote = `command:remote:${name}`;
    const refusal = new RegExp(
      `^${remote} is not covered by the stand-in .*: install the published plugin \\(.* plugin install .*\\)$`,
    );

    await expect(plugin.check(remote, {})).rejects.toThrow(refusal);
    await expect(plugin.delete(remote, {})).rejects.toThrow(refusal);
  },
);

test("A custom timeout ends the command.", async () => {
  await expect(
    plugin.create(type, { create: "echo begun; sleep 600" }, { timeoutSeconds: 0.5 }),
  ).rejects.toThrow(/timeout: running "echo begun; sleep 600":\nbegun/);
});

test("Cancel ends the command and what it started, and whatever is asked for afterwards.", async () => {
  const cancelled = await startPlugin();
  const running = cancelled.create(type, {
    create: "sleep 600 & echo $!; setsid sleep 5 & wait",
  });
  running.catch(() => {});
  const sleeper = await vi.waitFor(() => Number(cancelled.logged[0]?.message || Number.NaN) || never());
  const identity = await processIdentity(sleeper);

  await cancelled.cancel();

  await expect(running).rejects.toThrow("cancelled");
  await vi.waitFor(async () => expect(await isAlive(identity)).toBe(false), 5000);
  await expect(cancelled.create(type, { create: "true" })).rejects.toThrow("cancelled");
  await cancelled.stop();
});

test.for(["SIGTERM", "SIGINT"] as const)(
  "%s ends the plugin and the command that it runs.",
  async (signal) => {
    const stopped = await startPlugin();
    stopped.create(type, { create: "echo $$; sleep 600; true" }).catch(() => {});
    const shell = await vi.waitFor(() => Number(stopped.logged[0]?.message || Number.NaN) || never());
    const identity = await processIdentity(shell);

    stopped.process.kill(signal);

    await once(stopped.process, "exit");
    expect(await isAlive(identity)).toBe(false);
    await stopped.stop();
  },
);

test("The plugin ends when the engine was killed.", async () => {
  const engine = spawn("/bin/sh", ["-c", '"$0" 127.0.0.1:1 & echo $!; wait', launcher]);
  const lines = createInterface(engine.stdout)[Symbol.asyncIterator]();
  const identity = await processIdentity(Number((await lines.next()).value));
  const port = (await lines.next()).value;
  expect(Number(port)).toBeGreaterThan(0);

  engine.kill("SIGKILL");

  await vi.waitFor(async () => expect(await isAlive(identity)).toBe(false), 10_000);
});

test("The plugin starts through a link and through a launcher elsewhere.", async () => {
  const link = join(folder, "pulumi-resource-command");
  await symlink(launcher, link);
  const script = join(folder, "launcher");
  await writeFile(script, `#!/bin/sh\nexec '${launcher}' "$@"\n`, { mode: 0o755 });

  for (const program of [link, script]) {
    const started = await startPlugin(program);
    expect((await started.create(type, { create: "echo up" })).outputs.stdout).toBe("up");
    await started.stop();
  }
});

test.for([
  { version: process.versions.node, code: 0, says: "started with 127.0.0.1:1" },
  { version: "22.17.1", code: 1, says: "needs Node.js 22.18 or newer" },
])(
  "Without the repository's own Node.js, $version on PATH is judged by its age.",
  async ({ version, code, says }) => {
    const plugin = join(folder, "toolchain", "command-plugin");
    await mkdir(plugin, { recursive: true });
    await copyFile(launcher, join(plugin, "launcher"));
    await writeFile(
      join(plugin, "main.ts"),
      "const said: string = process.argv[2] ?? ''; console.log('started with', said);",
    );
    const pretend = `data:text/javascript,Object.defineProperty(process,"versions",{value:{node:"${version}"}})`;
    const node = `#!/bin/sh\nexec '${process.execPath}' --import '${pretend}' "$@"\n`;
    await writeFile(join(folder, "node"), node, { mode: 0o755 });

    const result = await tryRun(join(plugin, "launcher"), ["127.0.0.1:1"], {
      env: { PATH: `${folder}:/usr/bin:/bin` },
    });

    expect(result).toMatchObject({ code });
    expect(result.stdout + result.stderr).toContain(says);
  },
);

function never(): never {
  throw new Error("nothing logged yet");
}
