import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { plan } from "../planning/make-plan.ts";
import { cases, changesOf } from "../planning/testing/rule-cases.ts";
import { changedInput, put, sampleInput } from "../planning/testing/sample-input.ts";
import { generatedFiles } from "./main.ts";

const root = new URL("../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");
const stackFiles = readdirSync(new URL("stacks/", root)).filter((name) => name.endsWith(".yaml"));

function validator(path: string) {
  return new Ajv2020({ formats: { ipv4: true, ipv6: true } }).compile(JSON.parse(read(path)));
}

test.each([...generatedFiles()])("%s is what `node generate/main.ts` writes.", (path, content) => {
  expect(read(path)).toBe(content);
});

test("Every committed stack file fits the schema that editors use, and can be planned.", () => {
  const fits = validator("schemas/stack.schema.json");
  for (const name of stackFiles) {
    const stackFile = parse(read(`stacks/${name}`));
    const result = plan(name.split(".")[1] ?? "", stackFile.config["ascend-pd:deployment"]);

    expect({ name, fits: fits(stackFile), errors: fits.errors }).toEqual({ name, fits: true, errors: null });
    expect(result, name).toMatchObject({ warnings: [] });
  }
  expect(stackFiles).not.toEqual([]);
});

test("The stack schema lets through what Pulumi keeps in the file, and refuses what the planner refuses.", () => {
  const fits = validator("schemas/stack.schema.json");
  const pulumis = { encryptionsalt: "v1:x", secretsprovider: "passphrase", environment: ["a"] };
  const file = (deployment: object) => ({
    ...pulumis,
    config: { "aws:region": "x", "ascend-pd:deployment": deployment },
  });
  const misspelt = sampleInput();
  put(misspelt, "decode[0].devies", [6]);

  expect(fits(file(sampleInput()))).toBe(true);
  expect(fits(file(misspelt))).toBe(false);
});

test.each(cases)("An editor marks what breaks $breaks exactly if it is a matter of shape.", (one) => {
  const fits = validator("schemas/stack.schema.json");

  const isMarked = !fits({ config: { "ascend-pd:deployment": changedInput(changesOf(one)) } });

  // An editor has no words for what a name says of the value beside it.
  expect(isMarked).toBe(one.breaks.startsWith("PD0") && one.breaks !== "PD014");
});

test("What the planner writes fits the published schemas of the rank tables.", () => {
  const result = plan("2p2d", sampleInput());
  if ("problems" in result) throw new Error("the sample breaks a rule");
  const { global, local } = result.plan.rankTables;

  const isGlobal = validator("schemas/global-ranktable.schema.json")(JSON.parse(global.content));
  const isLocal = validator("schemas/local-ranktable.schema.json");

  expect([isGlobal, ...local.map(({ content }) => isLocal(JSON.parse(content)))]).toEqual([
    true,
    true,
    true,
    true,
    true,
    true,
  ]);
});

test("The rank-table reader brings nothing from node_modules into a bundle.", async () => {
  const { metafile } = await build({
    entryPoints: [new URL("rank-tables/reader.ts", root).pathname],
    absWorkingDir: root.pathname,
    bundle: true,
    format: "esm",
    write: false,
    metafile: true,
  });

  expect(Object.keys(metafile.inputs).filter((path) => !/^(rank-tables|problems)\//.test(path))).toEqual([]);
});
