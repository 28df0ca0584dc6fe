import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type RunResult, tryRun } from "../system/programs.ts";

vi.setConfig({ testTimeout: 300_000 });

let repository: string;

/** A repository with one dependency, which lies in the repository, so that npm needs no network. */
beforeEach(async () => {
  repository = await mkdtemp(join(tmpdir(), "bootstrap-"));
  for (const file of ["toolchain/bootstrap.mjs", "toolchain/node-digests.json", "system/lock.mjs"])
    await cp(file, join(repository, file));
  await writeFile(
    join(repository, "package.json"),
    '{ "name": "r", "type": "module", "dependencies": { "dep": "file:./dep" } }',
  );
  await writeDependency("1.0.0");
  await writeFile(
    join(repository, "package-lock.json"),
    JSON.stringify({
      lockfileVersion: 3,
      packages: {
        "": { name: "r", dependencies: { dep: "file:./dep" } },
        dep: { version: "1.0.0" },
        "node_modules/dep": { resolved: "dep", link: true },
      },
    }),
  );
  await script("import { name } from 'dep'; console.log(name as string, ...process.argv.slice(2));");
});

afterEach(() => rm(repository, { recursive: true }));

async function writeDependency(version: string): Promise<void> {
  await mkdir(join(repository, "dep"), { recursive: true });
  const manifest = { name: "dep", version, type: "module", exports: "./index.js" };
  await writeFile(join(repository, "dep", "package.json"), JSON.stringify(manifest));
  await writeFile(join(repository, "dep", "index.js"), 'export const name = "dep";');
}

function script(source: string): Promise<void> {
  return writeFile(join(repository, "main.ts"), source);
}

/** As npm leaves it, without running npm. */
async function markInstalled(): Promise<void> {
  const { packages } = JSON.parse(await readFile(join(repository, "package-lock.json"), "utf8"));
  await mkdir(join(repository, "node_modules"));
  await writeFile(join(repository, "node_modules", ".package-lock.json"), JSON.stringify({ packages }));
}

function bootstrap(...args: string[]): Promise<RunResult> {
  return tryRun(process.execPath, ["toolchain/bootstrap.mjs", ...args], {
    cwd: repository,
    env: environment(),
  });
}

function environment(): NodeJS.ProcessEnv {
  const { npm_execpath, NODE_OPTIONS, ...env } = process.env;
  return { ...env, npm_config_offline: "true", npm_config_loglevel: "silent" };
}

test("The packages are installed once, and the script gets its arguments.", async () => {
  const first = await bootstrap("main.ts", "--flag", "two words");
  const second = await bootstrap("main.ts");

  expect(first).toMatchObject({
    code: 0,
    stdout: "dep --flag two words\n",
    stderr: "installing the npm packages of package-lock.json\n",
  });
  expect(second).toMatchObject({ code: 0, stdout: "dep\n", stderr: "" });
});

test("Packages that npm has installed by hand are taken as they are.", async () => {
  await tryRun("npm", ["ci"], { cwd: repository, env: environment() });

  expect((await bootstrap("main.ts")).stderr).toBe("");
});

test("A package-lock.json that has gained a package is installed.", async () => {
  await bootstrap("main.ts");
  const lock = await readFile(join(repository, "package-lock.json"), "utf8");
  await cp(join(repository, "dep"), join(repository, "more"), { recursive: true });
  const change = (text: string) =>
    text.replaceAll('"dep":"file:./dep"', '"dep":"file:./dep","more":"file:./more"');
  const { packages, ...rest } = JSON.parse(change(lock));
  packages.more = { version: "1.0.0" };
  packages["node_modules/more"] = { resolved: "more", link: true };
  await writeFile(join(repository, "package-lock.json"), JSON.stringify({ ...rest, packages }));
  await writeFile(
    join(repository, "package.json"),
    '{ "name": "r", "type": "module", "dependencies": { "dep": "file:./dep", "more": "file:./more" } }',
  );
  await script("import { name } from 'more'; console.log(name);");

  expect(await bootstrap("main.ts")).toMatchObject({ code: 0, stdout: "dep\n" });
});

test("Runs that start at once install once, and all of them work.", async () => {
  const runs = await Promise.all([1, 2, 3].map((number) => bootstrap("main.ts", `${number}`)));

  expect(runs.map(({ stdout }) => stdout)).toEqual(["dep 1\n", "dep 2\n", "dep 3\n"]);
  expect(runs.filter(({ stderr }) => stderr.includes("installing"))).toHaveLength(1);
});

test("A run that is killed while it installs keeps nobody else from it.", async () => {
  const first = spawn(process.execPath, ["toolchain/bootstrap.mjs", "main.ts"], {
    cwd: repository,
    env: environment(),
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (first.stderr) await once(first.stderr, "data");
  first.kill("SIGKILL");
  await once(first, "exit");

  const second = await bootstrap("main.ts");

  expect(second).toMatchObject({ code: 0, stdout: "dep\n" });
  expect(second.stderr).toBe("installing the npm packages of package-lock.json\n");
});

test("A lock of somebody else's is refused, with what to do.", async () => {
  await mkdir(join(repository, "node_modules", ".ascend-pd-install.lock"), { recursive: true });

  const { code, stderr } = await bootstrap("main.ts");

  expect(stderr).toMatch(/^error: the lock cannot be opened: .*\n {2}fix: rm .*\.ascend-pd-install\.lock/);
  expect(code).toBe(1);
});

describe("the Node that an install script has brought", () => {
  const program = `#!/bin/sh\nexec ${process.execPath} "$@" checked\n`;

  beforeEach(async () => {
    await tryRun("npm", ["ci"], { cwd: repository, env: environment() });
    await mkdir(join(repository, "node_modules/node/bin"), { recursive: true });
    await writeFile(join(repository, "node_modules/node/bin/node"), program, { mode: 0o755 });
  });

  /** As the digest of that program. */
  async function declare(digest: string | undefined): Promise<void> {
    const digests = { version: "1.2.3", sha256: { [`${process.platform}-${process.arch}`]: digest } };
    await writeFile(join(repository, "toolchain/node-digests.json"), JSON.stringify(digests));
  }

  test("is run where it is the one whose digest is known.", async () => {
    await declare(createHash("sha256").update(program).digest("hex"));

    const { code, stdout } = await bootstrap("main.ts");

    expect(stdout).toBe("dep checked\n");
    expect(code).toBe(0);
  });

  test("is not run where it is another one.", async () => {
    await declare("0".repeat(64));

    const { code, stdout, stderr } = await bootstrap("main.ts");

    expect(stderr).toMatch(
      /^error: \S+\/node is not Node 1\.2\.3 as published: its sha256 is \w+, not 0+\n {2}fix: rm -r \S+\/node_modules/,
    );
    expect(stdout).toBe("");
    expect(code).toBe(1);
  });

  test("is not what runs the comparison under npm, which puts it first on PATH.", async () => {
    await declare("0".repeat(64));
    const { scripts } = JSON.parse(await readFile(join(import.meta.dirname, "../package.json"), "utf8"));
    const start = scripts.toolchain.replace("toolchain/main.ts", "main.ts");
    const manifest = JSON.parse(await readFile(join(repository, "package.json"), "utf8"));
    await writeFile(join(repository, "package.json"), JSON.stringify({ ...manifest, scripts: { start } }));
    await mkdir(join(repository, "node_modules/.bin"), { recursive: true });
    await symlink("../node/bin/node", join(repository, "node_modules/.bin/node"));
    await writeFile(join(repository, "node_modules/node/bin/node"), "#!/bin/sh\necho it has run\n");

    const { code, stdout, stderr } = await tryRun("npm", ["start", "--silent"], {
      cwd: repository,
      env: environment(),
    });

    expect(stderr).toMatch(/^error: \S+\/node is not Node 1\.2\.3 as published/);
    expect(stdout).not.toContain("it has run");
    expect(code).toBe(1);
  });

  test("is run where no digest is known for the machine, and that is said.", async () => {
    await declare(undefined);

    const { code, stderr } = await bootstrap("main.ts");

    expect(stderr).toMatch(/^note: \S+\/node is not checked: no digest is known for \w+-\w+\n$/);
    expect(code).toBe(0);
  });
});

test("When npm fails, its output is shown with what to do.", async () => {
  await writeFile(
    join(repository, "package.json"),
    '{ "name": "r", "type": "module", "dependencies": { "other": "1.0.0" } }',
  );

  const { code, stderr } = await bootstrap("main.ts");

  expect(code).toBe(1);
  expect(stderr).toMatch(/npm error[\s\S]*error: npm install ended with 1 in [\s\S]*fix: /);
});

test("The exit code of the script is passed on.", async () => {
  await markInstalled();
  await script("process.exit(42);");

  expect((await bootstrap("main.ts")).code).toBe(42);
});

test("The script finds the programs of the packages first on PATH.", async () => {
  await markInstalled();
  await script("console.log(process.env.PATH);");

  expect((await bootstrap("main.ts")).stdout).toMatch(new RegExp(`^${repository}/node_modules/.bin:`));
});

test.each(["SIGINT", "SIGTERM"] as const)("%s is left to the script to answer.", async (signal) => {
  await markInstalled();
  await script(
    `process.on("${signal}", () => process.exit(7)); console.log("up"); setInterval(() => {}, 1000);`,
  );
  const child: ChildProcess = spawn(process.execPath, ["toolchain/bootstrap.mjs", "main.ts"], {
    cwd: repository,
    env: environment(),
    stdio: ["ignore", "pipe", "ignore"],
  });
  if (child.stdout) await once(child.stdout, "data");

  child.kill(signal);

  expect(await once(child, "exit")).toEqual([7, null]);
});

test("A script that a signal ends ends the whole run by that signal.", async () => {
  await markInstalled();
  await script('process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1000);');
  const child = spawn(process.execPath, ["toolchain/bootstrap.mjs", "main.ts"], {
    cwd: repository,
    env: environment(),
    stdio: "ignore",
  });

  expect(await once(child, "exit")).toEqual([null, "SIGTERM"]);
});
