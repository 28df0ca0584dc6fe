#!/usr/bin/env node
// The command, whatever Node runs it: bootstrap.mjs finds one that runs TypeScript.
import { fileURLToPath } from "node:url";

process.argv.splice(2, 0, fileURLToPath(new URL("main.ts", import.meta.url)));
await import("../toolchain/bootstrap.mjs");
