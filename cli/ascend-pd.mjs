#!/usr/bin/env node
// The command, whatever Node runs it: bootstrap.mjs finds the right one. The npm package has in lib/ what is built of the
// rooms of a clone.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const isClone = existsSync(new URL("main.ts", import.meta.url));
const main = new URL(isClone ? "main.ts" : "../lib/cli/main.js", import.meta.url);
process.argv.splice(2, 0, fileURLToPath(main));
await import(isClone ? "../toolchain/bootstrap.mjs" : "../lib/toolchain/bootstrap.mjs");
