import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = dirname(fileURLToPath(import.meta.url));
const pagesIn = (folder: string) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));
const pages = [...pagesIn("."), ...pagesIn("docs"), ...pagesIn("docs/zh"), "bench/README.md"];

/** A Markdown page without the code that stands in it. */
interface Page {
  readonly prose: string;
  readonly code: readonly string[];
  readonly headings: readonly { readonly level: number; readonly slug: string }[];
}

function read(file: string): Page {
  const text = readFileSync(join(root, file), "utf8");
  const code: string[] = [];
  const prose = text.replace(
    /^( *)```([^\n`]*)\n([\s\S]*?)^\1```$/gm,
    (_, indent: string, language, body) => {
      code.push(`${language}\n${body.replaceAll(`\n${indent}`, "\n")}`);
      return "";
    },
  );
  const seen = new Map<string, number>();
  const headings = [...prose.matchAll(/^(#+) (.*)$/gm)].map(([, marks = "", title = ""]) => {
    const slug = slugOf(title);
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return { level: marks.length, slug: before === 0 ? slug : `${slug}-${before}` };
  });
  return { prose, code, headings };
}

/** What code hosts make of a heading for links. */
function slugOf(title: string): string {
  return title
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
    .replaceAll(" ", "-");
}

/** Of what lies in this repository: the page or file, and the heading's place in it. */
function linksOf(file: string): { readonly target: string; readonly heading: number | undefined }[] {
  const { prose } = read(file);
  return [...prose.replace(/`[^`]*`/g, "").matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = ""]) => link)
    .filter((link) => !/^\w+:/.test(link))
    .map((link) => {
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? file : join(dirname(file), path);
      if (anchor === undefined) return { target, heading: undefined };
      if (!existsSync(join(root, target))) return { target, heading: -1 };
      const named = readFileSync(join(root, target), "utf8").includes(`id="${anchor}"`);
      return {
        target,
        heading: named ? undefined : read(target).headings.findIndex(({ slug }) => slug === anchor),
      };
    });
}

test.each(pages)("Every link of %s within this repository leads somewhere.", (file) => {
  const dead = linksOf(file).filter(
    ({ target, heading }) => !existsSync(join(root, target)) || heading === -1,
  );

  expect(dead).toEqual([]);
});

const translated: [english: string, chinese: string][] = [
  ["README.md", "README.zh-CN.md"],
  ...pagesIn("docs/zh").map((file): [string, string] => [file.replace("docs/zh/", "docs/"), file]),
];

/** The English page where a Chinese one is meant. */
const inEnglish = (target: string) =>
  target === "README.zh-CN.md" ? "README.md" : target.replace("docs/zh/", "docs/");

/** Each row of each table, as how many cells it has. */
const cellsOf = ({ prose }: Page) =>
  prose
    .split("\n")
    .filter((line) => line.trim().startsWith("|"))
    .map((line) => line.split(/(?<!\\)\|/).length);

/** Each line's first word: comments, and what a picture says, are translated. What may import what is no prose. */
const beginnings = ({ code }: Page) =>
  code.map((block) =>
    block.split("\n").map((line) => (block.startsWith("imports") ? line : line.trim().split(/\s/)[0])),
  );

/** Where a line of the Chinese page begins with a Chinese word, the English line may begin as it likes. */
const asIn = (lines: ReturnType<typeof beginnings>) =>
  lines.map((block) => block.map((word) => (/\p{Script=Han}/u.test(word ?? "") ? expect.any(String) : word)));

const byTarget = (file: string) =>
  linksOf(file)
    .map(({ target, heading }) => `${inEnglish(target)} ${heading ?? ""}`)
    .filter((one) => !/^README|\.png /.test(one))
    .sort();

test.each(translated)("%s and %s have the same headings, code, tables and links.", (english, chinese) => {
  const [one, other] = [read(english), read(chinese)];

  expect(other.headings.map(({ level }) => level)).toEqual(one.headings.map(({ level }) => level));
  expect(beginnings(one)).toEqual(asIn(beginnings(other)));
  expect(cellsOf(other)).toEqual(cellsOf(one));
  expect(byTarget(chinese)).toEqual(byTarget(english));
});
