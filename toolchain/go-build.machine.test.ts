import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { onPath, run, tryRun } from "../system/programs.ts";
import type { Context } from "./context.ts";
import { type GoBuild, goBuild, isBuilt } from "./go-build.ts";

const hasGo = (await onPath("go")) !== undefined;

vi.setConfig({ testTimeout: 300_000 });

let folder: string;
let said: string[];
let context: Context;
let build: GoBuild;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "go-build-"));
  said = [];
  context = { cacheDir: join(folder, "cache"), say: (line) => said.push(line) };
  build = {
    what: "a greeter",
    module: join(folder, "greeter"),
    packages: ["./hello"],
    variables: ["main.whom=you"],
    cpuMinutes: 1,
  };
  await mkdir(join(build.module, "hello"), { recursive: true });
  await writeFile(join(build.module, "go.mod"), "module greeter\n\ngo 1.21\n");
  await writeGreeter("hello");
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

function writeGreeter(greeting: string): Promise<void> {
  const source = `package main\n\nimport "fmt"\n\nvar whom string\n\nfunc main() { fmt.Println("${greeting}", whom) }\n`;
  return writeFile(join(build.module, "hello", "main.go"), source);
}

/** Has the program print the constant of another module, which lies beside its own. */
async function dependOn(name: string, constant: string): Promise<void> {
  await mkdir(join(folder, name));
  await writeFile(join(folder, name, "go.mod"), `module ${name}\n\ngo 1.21\n`);
  await writeFile(join(folder, name, `${name}.go`), `package ${name}\n\n${constant}\n`);
  await writeFile(
    join(build.module, "go.mod"),
    `module greeter\n\ngo 1.21\n\nrequire ${name} v0.0.0\n\nreplace ${name} => ${join(folder, name)}\n`,
  );
  const source = `package main\n\nimport (\n\t"fmt"\n\n\t"${name}"\n)\n\nfunc main() { fmt.Println(${name}.Word) }\n`;
  await writeFile(join(build.module, "hello", "main.go"), source);
}

describe.skipIf(!hasGo)("goBuild", () => {
  test("makes a program named like its package, with the variables set.", async () => {
    const programs = await goBuild(context, build);

    expect(await run(join(programs, "hello"), [])).toBe("hello you\n");
  });

  test("Builds once for each content of the module.", async () => {
    const first = await goBuild(context, build);
    const again = await goBuild(context, build);
    await writeGreeter("good day");
    const changed = await goBuild(context, build);

    expect(again).toBe(first);
    expect(changed).not.toBe(first);
    expect(await run(join(changed, "hello"), [])).toBe("good day you\n");
    expect(said.filter((line) => line.includes("done in"))).toHaveLength(2);
  });

  test("Leaves out of what it depends on what the module replaces.", async () => {
    await dependOn("polite", 'const Word = "please"');
    await mkdir(join(build.module, "_left-out", "polite"), { recursive: true });
    await writeFile(
      join(build.module, "_left-out", "polite", "polite.go"),
      'package polite\n\nconst Word = "now"\n',
    );

    const programs = await goBuild(context, build);

    expect(await run(join(programs, "hello"), [])).toBe("now\n");
    expect(await readFile(join(folder, "polite", "polite.go"), "utf8")).toContain("please");
  });

  test("takes the same build for one wherever the repository lies.", async () => {
    const here = await goBuild(context, build);
    await cp(build.module, join(folder, "clone", "greeter"), { recursive: true });

    expect(await goBuild(context, { ...build, module: join(folder, "clone", "greeter") })).toBe(here);
  });

  test("is not disturbed by what the environment asks of other builds.", async () => {
    vi.stubEnv("GOFLAGS", "-mod=mod -race -tags=other");
    vi.stubEnv("GOOS", "windows");
    vi.stubEnv("GOWORK", join(folder, "missing.work"));

    const programs = await goBuild(context, build);

    expect(await run(join(programs, "hello"), [])).toBe("hello you\n");
  });

  test("stops Go and leaves nothing behind when it is interrupted.", async () => {
    await mkdir(join(folder, "bin"));
    await writeFile(join(folder, "bin", "go"), `#!/bin/sh\necho $$ > ${folder}/pid\nexec sleep 600\n`, {
      mode: 0o755,
    });
    vi.stubEnv("PATH", `${folder}/bin:${process.env.PATH}`);

    const building = goBuild(context, build);
    const failed = expect(building).rejects.toThrow("building a greeter was interrupted");
    const pid = await vi.waitUntil(() => readFile(join(folder, "pid"), "utf8").catch(() => undefined));
    process.emit("SIGTERM");
    await failed;

    expect(await readdir(join(context.cacheDir, "go"))).toEqual([]);
    expect(await tryRun("kill", ["-0", pid.trim()])).toMatchObject({ code: 1 });
  });

  test("Leaves nothing behind when the build fails, and shows what Go said.", async () => {
    await writeFile(
      join(build.module, "hello", "main.go"),
      "package main\n\nfunc main() { undefinedFunction() }\n",
    );

    await expect(goBuild(context, build)).rejects.toThrow("undefined: undefinedFunction");

    expect(await isBuilt(context, build)).toBe(false);
    expect(await readdir(join(context.cacheDir, "go"))).toEqual([]);
  });
});

test("Without Go, the error says what to install.", async () => {
  vi.stubEnv("PATH", folder);

  await expect(goBuild(context, build)).rejects.toMatchObject({
    message: "a greeter must be built from Go modules, and there is no go on PATH",
    fix: expect.stringContaining("install Go"),
  });
});
