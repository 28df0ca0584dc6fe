// Plain JavaScript for whatever Node runs it: brings node_modules of a clone up to date with package-lock.json, then runs
// the file that it is given with the Node that package.json pins. In the npm package, npm has installed what there is.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { lock } from "../system/lock.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const isClone = existsSync(join(root, "package-lock.json"));
const modules = isClone ? join(root, "node_modules") : modulesWithNode();
const unfinished = join(modules, ".ascend-pd-unfinished");
const pinned = join(modules, "node", "bin", "node");
const [major, minor] = process.versions.node.split(".").map(Number);

/** @returns {never} */
function fail(problem, fix) {
  console.error(`error: ${problem}\n  fix: ${fix}`);
  process.exit(1);
}

/** Where npm has put the package `node` for whoever depends on this one; undefined where it has not. */
function modulesWithNode() {
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve("node/package.json")));
  } catch {
    fail("the npm package node is not installed", "npm install, in the folder of your project");
  }
}

/** Whether everything in package-lock.json that fits this machine is installed, by npm's own record of its work. */
function isInstalled() {
  if (!isClone) return true;
  if (existsSync(unfinished)) return false;
  const packagesOf = (file) => JSON.parse(readFileSync(file, "utf8")).packages;
  try {
    const installed = packagesOf(join(modules, ".package-lock.json"));
    return Object.entries(packagesOf(join(root, "package-lock.json"))).every(([path, wanted]) => {
      if (path === "") return true;
      const found = installed[path];
      if (found === undefined) return wanted.optional === true;
      return found.version === wanted.version && found.integrity === wanted.integrity;
    });
  } catch {
    return false;
  }
}

/** No two runs install at once; where there is no flock(1), npm is on its own. */
async function locked(body) {
  if (process.platform !== "linux") return body();
  mkdirSync(modules, { recursive: true });
  const wait = () => console.error("waiting for another run that installs the npm packages");
  const release = await lock(join(modules, ".ascend-pd-install.lock"), wait).catch(({ message, fix }) =>
    fail(message, fix),
  );
  await body();
  release();
}

async function install() {
  if (isInstalled()) return;
  console.error("installing the npm packages of package-lock.json");
  writeFileSync(unfinished, "");
  // Not `npm ci`: it refuses a registry that lacks an optional package for another platform.
  await npm("install", "--no-save", "--ignore-scripts");
  // The script of the package `node` downloads a program that the scripts of others run: it is checked before that.
  const { allowScripts = {} } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const names = Object.keys(allowScripts).filter((name) => allowScripts[name]);
  for (const name of names.sort((a, b) => Number(b === "node") - Number(a === "node"))) {
    await npm("rebuild", name);
    checkNode();
  }
  rmSync(unfinished);
}

async function npm(command, ...args) {
  const program = process.env.npm_execpath?.endsWith("/npm-cli.js")
    ? [process.execPath, process.env.npm_execpath]
    : ["npm"];
  // The log level, because `npm run --silent` makes every npm below it silent, also about what went wrong.
  const flags = ["--no-audit", "--no-fund", "--loglevel=notice"];
  const { code, output } = await runQuietly([...program, command, ...args, ...flags]);
  if (code === 0) return;
  console.error(output.trimEnd());
  fail(`npm ${command} ended with ${code} in ${root}`, "mend what npm says above, then run this again");
}

function runQuietly([command, ...args]) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => (output += text));
    // Left running, it would be in the way of the next try.
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => child.kill(signal));
    child.on("error", (error) => resolve({ code: error.message, output }));
    child.on("close", (code, signal) => resolve({ code: code ?? signal, output }));
  });
}

/** The Node of package.json; this one where install scripts are off and it runs TypeScript as well. */
function nodeForTypeScript() {
  checkNode();
  if (existsSync(pinned)) return pinned;
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath;
  fail(
    "the npm package node has not put its program in place, because install scripts are switched off",
    "npm rebuild node --ignore-scripts=false, or run this with Node 24",
  );
}

/** The program comes by a script, not by package-lock.json, so npm has compared it with nothing. */
function checkNode() {
  if (!existsSync(pinned)) return;
  const { version, sha256 } = JSON.parse(readFileSync(join(root, "toolchain", "node-digests.json"), "utf8"));
  const wanted = sha256[`${process.platform}-${process.arch}`];
  if (wanted === undefined) {
    console.error(
      `note: ${pinned} is not checked: no digest is known for ${process.platform}-${process.arch}`,
    );
    return;
  }
  const found = createHash("sha256").update(readFileSync(pinned)).digest("hex");
  if (found === wanted) return;
  fail(
    `${pinned} is not Node ${version} as published: its sha256 is ${found}, not ${wanted}`,
    `rm -r ${modules}, then run this again; if it stays so, the registry that npm uses (npm config get registry) ` +
      "hands out another program: use another registry",
  );
}

if (major < 20) fail(`this is Node ${process.versions.node}`, "use Node 20 or newer");
const [script, ...args] = process.argv.slice(2);
if (script === undefined) fail("no file to run", "node toolchain/bootstrap.mjs FILE.ts [ARGS]");
if (!isInstalled()) await locked(install);

const child = spawn(nodeForTypeScript(), [script, ...args], {
  stdio: "inherit",
  env: { ...process.env, PATH: `${join(modules, ".bin")}:${process.env.PATH}` },
});
// The child decides what a signal means. A terminal sends Ctrl-C to it as well: passed on, it would count twice, and
// Pulumi takes a second one as the order to drop everything.
process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("error", (error) => fail(error.message, "npm install"));
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
