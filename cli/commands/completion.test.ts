import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { onPath, run } from "../../system/programs.ts";
import type { Command } from "../command.ts";
import { commands } from "../commands.ts";
import { bashScript, zshScript } from "../completion/bash.ts";
import { fishScript } from "../completion/fish.ts";
import { wordsOf } from "../completion/words.ts";
import { inTemporaryFolder } from "../testing/temporary-folder.ts";

const folder = inTemporaryFolder();
const all = wordsOf(commands);
const [bash, zsh, fish] = await Promise.all(["bash", "zsh", "fish"].map((shell) => onPath(shell)));

/** A project's folder with stacks `alpha` and `beta`, a file, and the script of a shell. */
function prepared(script: string): string {
  mkdirSync(join(folder(), "stacks"));
  for (const name of ["alpha", "beta"]) writeFileSync(join(folder(), `stacks/Pulumi.${name}.yaml`), "");
  writeFileSync(join(folder(), "measured.yaml"), "");
  writeFileSync(join(folder(), "script"), script);
  return folder();
}

const names = Object.keys(commands);
const files = ["measured.yaml", "script", "stacks"];

const CASES: readonly [words: readonly string[], offered: readonly string[]][] = [
  [[""], names],
  [["st"], ["status"]],
  [
    ["ask", ""],
    ["alpha", "beta"],
  ],
  [["ask", "b"], ["beta"]],
  [
    ["ask", "--"],
    ["--max-tokens", "--json", "--help"],
  ],
  [["ask", "--m"], ["--max-tokens"]],
  [
    ["status", "alpha", ""],
    ["alpha", "beta"],
  ],
  [
    ["bench", "--stack", ""],
    ["alpha", "beta"],
  ],
  [
    ["bench", "--stack", "=", ""],
    ["alpha", "beta"],
  ],
  [["bench", "--stack", "=", "a"], ["alpha"]],
  [
    ["bench", "--stack", "="],
    ["alpha", "beta"],
  ],
  [["bench", "--json", "--plot", "m"], ["measured.yaml"]],
  [["bench", ""], []],
  [
    ["scheduler", "--stack", "alpha", ""],
    ["state", "drain", "join", "reload"],
  ],
  [
    ["render", ""],
    ["docker-run", "compose", "kubernetes", "monitoring"],
  ],
  [
    ["render", "compose", ""],
    ["alpha", "beta"],
  ],
  [
    ["ranktable", ""],
    ["gen", "merge", "check", "import"],
  ],
  [["ranktable", "check", ""], files],
  [["ranktable", "check", "--node-p"], ["--node-ports"]],
  [["ratio", ""], files],
  [["completion", "z"], ["zsh"]],
  [["no-such-command", ""], names],
];

test.runIf(bash).each(CASES)("In bash, behind %j come %j.", async (words, offered) => {
  const cwd = prepared(bashScript(all));
  const asked = `source ./script; COMP_WORDS=(ascend-pd "$@"); COMP_CWORD=$#; _ascend_pd; printf '%s\\n' "\${COMPREPLY[@]}"`;

  const said = await run("bash", ["--norc", "-c", asked, "bash", ...words], { cwd });

  expect(said.split("\n").filter(Boolean).toSorted()).toEqual(offered.toSorted());
});

test.runIf(bash)("Outside a project bash offers no stack, and says nothing.", async () => {
  writeFileSync(join(folder(), "script"), bashScript(all));
  const asked =
    "source ./script; COMP_WORDS=(ascend-pd ask ''); COMP_CWORD=2; _ascend_pd; echo offered: $COMPREPLY";

  expect(await run("bash", ["--norc", "-c", asked], { cwd: folder() })).toBe("offered:\n");
});

const IN_FISH = CASES.filter(([words]) => !words.includes("=") && !words.includes("no-such-command")).filter(
  ([words]) => words.at(-1) !== "--",
);

test.runIf(fish).each(IN_FISH)("In fish, behind %j come %j.", async (words, offered) => {
  const cwd = prepared(fishScript(all));
  const line = ["ascend-pd", ...words].join(" ");

  const said = await run("fish", ["--no-config", "-c", `source ./script; complete -C '${line}'`], { cwd });

  const found = said.split("\n").flatMap((one) => one.split("\t")[0]?.replace(/\/$/, "") || []);
  expect(found.toSorted()).toEqual(offered.toSorted());
});

test.runIf(zsh).each(CASES)("In zsh, behind %j come %j.", async (words, offered) => {
  const cwd = prepared(zshScript(all));
  // As zsh calls functions that were written for bash.
  const emulated = "emulate sh; setopt kshglob noshglob braceexpand";
  const asked = `source ./script 2>/dev/null; ${emulated}; COMP_WORDS=(ascend-pd "$@"); COMP_CWORD=$#; _ascend_pd; print -l -- "\${COMPREPLY[@]}"`;

  const said = await run("zsh", ["-f", "-c", asked, "zsh", ...words], { cwd });

  // zsh itself leaves out what does not begin as the word does.
  const begun = words.at(-1)?.replace("=", "") ?? "";
  const found = said.split("\n").filter((one) => one !== "" && one.startsWith(begun));
  expect(found.toSorted()).toEqual(offered.toSorted());
});

test("Every option of every command is in the scripts, by the table that the commands read theirs from.", () => {
  const words = all.map(({ path }) => path);

  expect(words).toContain("ranktable import");
  for (const { path, flags } of all) {
    for (const flag of flags) {
      expect(bashScript(all)).toMatch(new RegExp(`'${path}'\\) flags='[^']*${flag}`));
      expect(fishScript(all)).toMatch(
        new RegExp(`${flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`}`),
      );
    }
  }
});

const leaves = Object.entries(commands).flatMap(([name, one]): [string, Command][] => {
  const { subcommands } = one;
  if (subcommands === undefined) return [[name, one]];
  return Object.entries(subcommands).map(([word, command]) => [`${name} ${word}`, command]);
});

test.each(leaves)(
  "The help of %s tells its options and its exit codes.",
  (_name, { usage, options = {} }) => {
    for (const option of Object.keys(options)) expect(usage).toContain(`--${option}`);
    expect(usage).toMatch(/^exit codes: 0 /m);
  },
);
