import { readFileSync } from "node:fs";

// The figures of docs/architecture.md are the rules: `room → rooms that it may import`.
const page = readFileSync(new URL("docs/architecture.md", import.meta.url), "utf8");
const figures = [...page.matchAll(/^```imports(?: of (.+))?\n([^`]+)^```$/gm)].map(([, folder, lines]) => ({
  base: folder === undefined ? "" : `${folder}/`,
  arrows: lines
    .trim()
    .split("\n")
    .map((line) => line.split("→").map((side) => side.split(",").flatMap((name) => name.trim() || [])))
    .map(([[room], allowed]) => ({ room, allowed })),
}));

const escaped = (name) => name.replaceAll(".", "\\.");
const anyOf = (base, names) => `^${escaped(base)}(${names.map(escaped).join("|")})(/|$)`;
const tests = "\\.test\\.ts$|/testing/|^test/|^bench/";

/** From a room to another of its figure, or to what stands on all of them. */
const arrows = figures.flatMap(({ base, arrows }) =>
  arrows.map(({ room, allowed }) => ({
    name: `${base}${room} → ${allowed.join(", ") || "nothing"}`,
    comment: "docs/architecture.md says which room may import which",
    severity: "error",
    from: { path: anyOf(base, [room]), pathNot: tests },
    to: {
      path:
        base === ""
          ? "^[^/]+(/|$)"
          : anyOf(
              base,
              arrows.map((one) => one.room),
            ),
      pathNot: [anyOf(base, [room, ...allowed]), "(^|/)node_modules/", "^package\\.json$"],
      dependencyTypesNot: ["core"],
    },
  })),
);

export default {
  forbidden: [
    ...arrows,
    {
      name: "no circle",
      comment: "a file that needs itself through others is two concepts in a knot",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "testing/ is for tests",
      comment: "what runs for users does not stand on what stands in for it",
      severity: "error",
      from: { pathNot: `${tests}|^generate/|^vitest\\.config\\.ts$` },
      to: { path: "/testing/|\\.test\\.ts$|^test/|^bench/" },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|lib|toolchain/go)/" },
  },
};
