import { copyFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { tryRun } from "../system/programs.ts";

// The examples of docs/ci.md, run step by step: a shell, the real `ascend-pd`, and a server in place of GitHub's or
// GitLab's. Only Pulumi is a recorded preview.

interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Record<string, string>;
}
const read = (name: string) => parse(readFileSync(`docs/examples/${name}.yml`, "utf8"));
const github = read("github-preview");
const githubDrift = read("github-drift");
const gitlab = read("gitlab-preview");
const stepsOf = (workflow: { jobs: Record<string, { steps: Step[] }> }) =>
  Object.values(workflow.jobs).flatMap(({ steps }) => steps);
const githubSteps = [...stepsOf(github), ...stepsOf(githubDrift)];
const scripts: string[] = [
  ...githubSteps.flatMap(({ run }) => run ?? []),
  ...[".ascend-pd", "preview", "drift"].flatMap((job) => [
    ...(gitlab[job].before_script ?? []),
    (gitlab[job].script ?? []).join("\n"),
  ]),
];

let folder: string;
/** Requests that the server got, and the comments it holds. */
let requests: string[];
let comments: { id: number; body: string; user: { type: string } }[];
const server = createServer(async (request, response) => {
  let text = "";
  for await (const chunk of request) text += chunk;
  requests.push(`${request.method} ${request.url?.replace(/\?.*/, "")}`);
  if (request.method === "POST") {
    comments.push({ id: 70 + comments.length, user: { type: "Bot" }, ...JSON.parse(text) });
  } else if (request.method !== "GET") {
    const edited = comments.find(({ id }) => request.url?.endsWith(`/${id}`));
    Object.assign(edited ?? {}, JSON.parse(text));
  }
  response.end(JSON.stringify(request.method === "GET" ? comments : {}));
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "ascend-pd-ci-"));
  // `npm run pulumi` is the recorded preview, `npx ascend-pd` ours.
  program("npm", 'case "$*" in *pulumi*) cat recorded.json;; esac');
  program("npx", `shift; exec "${resolve("cli/ascend-pd.mjs")}" "$@"`);
  requests = [];
  comments = [{ id: 1, body: "a person's", user: { type: "User" } }];
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

function program(name: string, script: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

async function shell(script: string) {
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" && address ? address.port : ""}`;
  const env = {
    ...process.env,
    PATH: `${folder}:${process.env.PATH}`,
    STACK: "pv",
    GITHUB_API_URL: url,
    GITHUB_REPOSITORY: "o/r",
    GITHUB_TOKEN: "t",
    GITHUB_STEP_SUMMARY: join(folder, "summary"),
    GITHUB_OUTPUT: join(folder, "output"),
    PULL_REQUEST: "7",
    CI_API_V4_URL: url,
    CI_PROJECT_ID: "5",
    CI_MERGE_REQUEST_IID: "7",
    NOTES_TOKEN: "t",
  };
  return tryRun("bash", ["-eo", "pipefail", "-c", script], { cwd: folder, env });
}

function record(preview: string): void {
  if (preview === "nothing") writeFileSync(join(folder, "recorded.json"), "");
  else copyFileSync(`cli/testing/previews/${preview}.json`, join(folder, "recorded.json"));
}

const cases: [preview: string, code: string, headline: string][] = [
  ["no-change", "0", "no change"],
  ["changed-port", "2", "restarts 1 instance"],
  ["refused", "1", "the preview failed"],
  ["nothing", "1", "there is no preview; see the log of the job"],
];

const githubStep = (name: string) =>
  github.jobs.preview.steps.find((step: Step) => step.name === name)?.run ?? "";

test.each(cases)(
  "GitHub, %s: exit code %s is handed on to the last step.",
  async (preview, code, headline) => {
    record(preview);

    await shell(githubStep("Preview"));
    const said = await shell(githubStep("Say what it means"));

    expect(said.code).toBe(0);
    expect(readFileSync(join(folder, "output"), "utf8")).toBe(`code=${code}\n`);
    expect(readFileSync(join(folder, "summary"), "utf8")).toContain(`### \`pv\`: ${headline}\n`);
  },
);

test("GitHub: a second push edits the comment of the first, and no one else's.", async () => {
  for (const push of ["first", "second"]) {
    writeFileSync(join(folder, "comment.md"), push);
    expect(await shell(githubStep("Comment"))).toMatchObject({ code: 0, stderr: "" });
  }

  expect(requests).toEqual([
    "GET /repos/o/r/issues/7/comments",
    "POST /repos/o/r/issues/7/comments",
    "GET /repos/o/r/issues/7/comments",
    "PATCH /repos/o/r/issues/comments/71",
  ]);
  expect(comments.map(({ body }) => body)).toEqual(["a person's", "<!-- ascend-pd diff pv -->\nsecond"]);
});

test("GitHub, from a fork: the new Plan is compared with the recorded one of the base.", async () => {
  const predict: Step[] = github.jobs.predict.steps;
  const compare = `STACK=1p1d\n${predict.find(({ name }) => name === "Compare the Plans")?.run}`;
  const git = "git -c user.name=t -c user.email=t@example.com";
  const summary = () => readFileSync(join(folder, "summary"), "utf8");
  cpSync("stacks", join(folder, "stacks"), { recursive: true });
  await shell(
    `git init -q && git add stacks && ${git} commit -qm one && ${git} commit -qm two --allow-empty`,
  );

  const unrecorded = await shell(compare);
  expect([unrecorded.code, summary()]).toEqual([0, "There is no recorded Plan of 1p1d yet.\n"]);

  cpSync("test/golden", join(folder, "test/golden"), { recursive: true });
  await shell(`git add test && ${git} commit -qm base && sed -i s/8089/8093/ stacks/Pulumi.1p1d.yaml`);
  await shell(`${git} commit -qam port`);
  const recorded = await shell(compare);
  expect(recorded).toMatchObject({ code: 0, stderr: "" });
  expect(summary()).toContain("### `1p1d`: restarts 2 instances (predicted from two Plans)\n");
});

test.each(cases)(
  "GitLab, %s: the job fails on exit code 1 only, after its note.",
  async (preview, code, headline) => {
    record(preview);

    const job = await shell(gitlab.preview.script.join("\n"));

    expect(job.code).toBe(code === "1" ? 1 : 0);
    expect(comments[1]?.body).toContain(`<!-- ascend-pd diff pv -->\n### \`pv\`: ${headline}\n`);
  },
);

test("GitLab: a second push edits the note of the first.", async () => {
  record("no-change");

  await shell(gitlab.preview.script.join("\n"));
  await shell(gitlab.preview.script.join("\n"));

  expect(requests).toEqual([
    "GET /projects/5/merge_requests/7/notes",
    "POST /projects/5/merge_requests/7/notes",
    "GET /projects/5/merge_requests/7/notes",
    "PUT /projects/5/merge_requests/7/notes/71",
  ]);
});

test.each([
  ["no-change", 0],
  ["drift-stopped", 2],
  ["refused", 1],
])("Drift jobs, %s: exit code %i.", async (preview, expected) => {
  const compare = githubSteps.find(({ name }) => name === "Compare with the hosts")?.run ?? "";
  record(preview);

  const codes = [await shell(compare), await shell(gitlab.drift.script.join("\n"))].map(({ code }) => code);

  expect(codes).toEqual([expected, expected]);
});

test("Every command in them exists, and every script is one that a shell reads.", async () => {
  const { scripts: known } = JSON.parse(readFileSync("package.json", "utf8"));
  const { stdout: overview } = await tryRun("cli/ascend-pd.mjs", ["--help"]);
  const all = scripts.join("\n");
  const npmScripts = [...all.matchAll(/npm run (?:--silent )?(\S+)/g)].map(([, name]) => name ?? "");
  const commands = [...all.matchAll(/npx ascend-pd (\S+)/g)].map(([, name]) => name ?? "");

  expect(Object.keys(known)).toEqual(expect.arrayContaining(npmScripts));
  expect(npmScripts.length).toBeGreaterThan(2);
  for (const command of commands) expect(overview).toMatch(new RegExp(`^ {2}${command} `, "m"));
  expect(new Set(commands)).toEqual(new Set(["plan", "diff"]));
  for (const script of scripts)
    expect(await tryRun("bash", ["-n"], { input: script })).toMatchObject({ code: 0 });
  expect(existsSync(`test/golden/${github.env.STACK}.plan.json`)).toBe(true);
});

test("On GitHub nothing has more rights than it needs, and actions have a version.", () => {
  const uses = githubSteps.flatMap(({ uses }) => uses ?? []);

  for (const use of uses) expect(use).toMatch(/^actions\/[\w-]+@v\d+\.\d+\.\d+$/);
  expect(github.on).toBe("pull_request");
  expect([github.permissions, githubDrift.permissions]).toEqual([{ contents: "read" }, { contents: "read" }]);
  expect(github.jobs.preview.permissions).toEqual({ contents: "read", "pull-requests": "write" });
  expect(github.jobs.preview.if).toContain("head.repo.full_name == github.repository");
  expect(github.jobs.preview.steps.at(-1)).toMatchObject({
    if: "steps.diff.outputs.code != '0' && steps.diff.outputs.code != '2'",
    run: "exit 1",
  });
  expect(JSON.stringify(github.jobs.predict)).not.toContain("secrets.");
});
