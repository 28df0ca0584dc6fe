import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { Host } from "./host.ts";
import { registrationsOf } from "./testing/mocks.ts";

const root = process.cwd();
const folder = await mkdtemp(join(tmpdir(), "ascend-pd-images-"));
process.chdir(folder);
// Only now, because esbuild keeps the folder that it was loaded in.
const { buildContext, SourceImage } = await import("./source-image.ts");

beforeEach(async () => {
  for (const name of ["one", "two"]) {
    await put(
      `${name}/main.ts`,
      `import { text } from "../common/${name}.ts";\nconsole.log(text as string);\n`,
    );
    await put(`${name}/Dockerfile`, "FROM scratch\n");
    await put(`common/${name}.ts`, `export const text = "hello";\n`);
  }
});

afterAll(async () => {
  process.chdir(root);
  await rm(folder, { recursive: true });
});

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

/** The build of each of the two images by folder, as the engine is asked for it. */
async function builds(nodeImage = "node:test", stack = "test") {
  const registrations = await registrationsOf(stack, () => {
    const { provider } = new Host("local", { host: { name: "local", address: "127.0.0.1" } });
    for (const name of ["one", "two"])
      new SourceImage(name, { context: buildContext(name, nodeImage), base: provider, provider });
  });
  const of = (name: string) =>
    registrations.find((one) => one.type === "RemoteImage" && one.name === name)?.inputs;
  return { one: of("one"), two: of("two") };
}

test("The same content has the same name, which names folder and stack.", async () => {
  const before = await builds();

  const after = await builds();

  expect(after).toEqual(before);
  expect(before.one.name).toMatch(/^ascend-pd\/one:test-[0-9a-f]{12}$/);
});

test.each(["one/main.ts", "common/one.ts", "one/Dockerfile"])(
  "One changed byte in %s changes the name of that image and of no other.",
  async (path) => {
    const before = await builds();
    await put(path, (await readFile(path, "utf8")).replace(/log|hello|scratch/, "info"));

    const after = await builds();

    expect(after.one.name).not.toBe(before.one.name);
    expect(after.two).toEqual(before.two);
  },
);

test("A comment changes no name, because it does not reach the image.", async () => {
  const before = await builds();
  await put("common/one.ts", `// Why.\n${await readFile("common/one.ts", "utf8")}`);

  const after = await builds();

  expect(after).toEqual(before);
});

test("Another base image changes the name, and reaches the build.", async () => {
  const before = await builds();

  const after = await builds("node:other");

  expect(after.one.name).not.toBe(before.one.name);
  expect(after.one.build.buildArgs).toEqual({ NODE_IMAGE: "node:other" });
});

test("Stacks do not share a name, so that destroying one leaves the other's image.", async () => {
  const before = await builds();

  const after = await builds("node:test", "other");

  expect(after.one.name).toBe(before.one.name.replace(":test-", ":other-"));
});

test("What is built is the Dockerfile beside one file that holds everything, without the TypeScript.", async () => {
  const { one } = await builds();

  const { context, dockerfile, useLegacyBuilder } = one.build;
  expect(await readdir(context)).toEqual(["Dockerfile", "one.js"]);
  expect(dockerfile).toBe("Dockerfile");
  expect(useLegacyBuilder).toBe(true);
  const bundle = await readFile(join(context, "one.js"), "utf8");
  expect(bundle).toContain('"hello"');
  expect(bundle).not.toMatch(/import|as string/);
});
