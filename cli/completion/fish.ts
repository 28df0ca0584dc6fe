import type { Words } from "./words.ts";

export function fishScript(all: readonly Words[]): string {
  return `# Completion of ascend-pd for fish. Made by \`ascend-pd completion fish\`.
function __ascend_pd_stacks
    for file in stacks/Pulumi.*.yaml
        string replace -r '^stacks/Pulumi\\.(.+)\\.yaml$' '$1' -- $file
    end
end

# What stands behind ascend-pd, without options and their values.
function __ascend_pd_words
    set -l skip no
    for word in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
        else if contains -- $word ${valuedOf(all)}
            set skip yes
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end

# Those are $argv, and perhaps more.
function __ascend_pd_is
    string match -q -- "$argv *" (string join ' ' -- (__ascend_pd_words))' '; or test (count $argv) -eq 0
end

# Those are $argv alone.
function __ascend_pd_at
    set -l words (__ascend_pd_words)
    test "$words" = "$argv"
end

complete -c ascend-pd -f
${all.flatMap((words) => linesOf(words, all)).join("\n")}
`;
}

/** No option takes a value in one command and none in another. */
const valuedOf = (all: readonly Words[]): string =>
  [...new Set(all.flatMap(({ valued }) => valued))].join(" ");

function linesOf({ path, flags, valued, operands }: Words, all: readonly Words[]): string[] {
  const add = (condition: string, what: string) =>
    `complete -c ascend-pd -n '${`${condition} ${path}`.trim()}' ${what}`;
  const options = flags.map((flag) => {
    const name = flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`;
    if (!valued.includes(flag)) return add("__ascend_pd_is", name);
    return add(
      "__ascend_pd_is",
      flag === "--stack" ? `${name} -x -a '(__ascend_pd_stacks)'` : `${name} -r -F`,
    );
  });
  const [first] = operands;
  if (first === undefined) return options;
  if (first === "file") return [...options, add("__ascend_pd_is", "-F")];
  if (first === "stack") return [...options, add("__ascend_pd_is", "-a '(__ascend_pd_stacks)'")];
  const words = first.map((name) => {
    const summary = all.find((one) => one.path === `${path} ${name}`.trim())?.summary ?? "";
    return add(
      "__ascend_pd_at",
      `-a ${name}${summary === "" ? "" : ` -d '${summary.replaceAll("'", "\\'")}'`}`,
    );
  });
  return [
    ...options,
    ...words,
    ...(operands.includes("stack")
      ? [
          `complete -c ascend-pd -n '__ascend_pd_is ${path}; and not __ascend_pd_at ${path}' -a '(__ascend_pd_stacks)'`,
        ]
      : []),
  ];
}
