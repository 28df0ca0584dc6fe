import { randomBytes } from "node:crypto";
import { keyLine, keyLineOf } from "../../planning/credentials/api-key.ts";
import { type Command, oneOperand, parseOptions } from "../command.ts";
import { complain, print } from "../print.ts";
import { UserError } from "../user-error.ts";

const OPTIONS = {
  trusted: { type: "boolean", default: false },
  share: { type: "string" },
  priority: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

const make: Command = {
  summary: "make a key for a client of the scheduler",
  usage: `usage: ascend-pd key new NAME [--trusted] [--share N] [--priority N] [--json]

Prints a new key, which is nowhere else and cannot be had again, and on stderr its line, which has its hash alone: for
scheduler.apiKeys of a stack file, or a scheduler's --api-keys-file.

  --trusted     its requests may say how they are to be treated (X-Session-ID, X-Vllm-Priority)
  --share N     its part of turns where requests wait for them, as against others': 1 (the default) to 999
  --priority N  its requests are next before those of a higher one: -999 to 999, 0 by default
  --json        print {"name", "key", "line"} instead

examples:
  ascend-pd key new alice 2>> keys > alice.key
  ascend-pd key new gateway --trusted --share=4 --json

exit codes: 0 made, 2 the command line is wrong`,
  options: OPTIONS,
  run(args) {
    const { values, positionals } = parseOptions(args, OPTIONS);
    const name = oneOperand(positionals, "NAME");
    const key = `sk-${randomBytes(32).toString("base64url")}`;
    const words = [
      ...(values.trusted ? ["trusted"] : []),
      ...numbered("share", values.share, /^[1-9]\d{0,2}$/, "1 to 999"),
      ...numbered("priority", values.priority, /^-?\d{1,3}$/, "-999 to 999"),
    ];
    const line = keyLineOf(name, words, key);
    if (!keyLine.test(line)) {
      throw new UserError(
        `${name} is no name of a client's key\n` +
          "fix: give up to 63 letters, digits, dots, hyphens and underscores, and not operator, e.g. alice",
      );
    }
    if (values.json) print(JSON.stringify({ name, key, line }, undefined, 2));
    else {
      print(key);
      complain(line);
    }
    return 0;
  },
};

/** `share=4`, or nothing where it is not given. */
function numbered(word: string, value: string | undefined, form: RegExp, range: string): string[] {
  if (value === undefined) return [];
  if (form.test(value)) return [`${word}=${value}`];
  throw new UserError(`--${word} is ${value}\nfix: give a whole number, ${range}`);
}

export const key: Command = {
  summary: "make keys for clients of the scheduler",
  usage:
    "usage: ascend-pd key new NAME [--trusted] [--share N] [--priority N] [--json]\n\n`ascend-pd key new --help` tells more.",
  subcommands: { new: make },
  run() {
    throw new UserError(`what about keys?\nfix: ${key.usage.split("\n")[0]?.replace("usage: ", "")}`);
  },
};
