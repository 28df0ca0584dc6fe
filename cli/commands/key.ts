import { randomBytes } from "node:crypto";
import { keyLine, keyLineOf } from "../../planning/credentials/api-key.ts";
import { type Command, oneOperand, parseOptions } from "../command.ts";
import { complain, print } from "../print.ts";
import { UserError } from "../user-error.ts";

const OPTIONS = {
  trusted: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;

const make: Command = {
  summary: "make a key for a client of the scheduler",
  usage: `usage: ascend-pd key new NAME [--trusted] [--json]

Prints a new key, which is nowhere else and cannot be had again, and on stderr its line, which has its hash alone: for
scheduler.apiKeys of a stack file, or a scheduler's --api-keys-file.

  --trusted  its requests may say how they are to be treated (X-Session-ID, X-Vllm-Priority)
  --json     print {"name", "key", "line"} instead

examples:
  ascend-pd key new alice 2>> keys > alice.key
  ascend-pd key new gateway --trusted --json

exit codes: 0 made, 2 the command line is wrong`,
  options: OPTIONS,
  run(args) {
    const { values, positionals } = parseOptions({
      args: [...args],
      allowPositionals: true,
      options: OPTIONS,
    });
    const name = oneOperand(positionals, "NAME");
    const key = `sk-${randomBytes(32).toString("base64url")}`;
    const line = keyLineOf(name, values.trusted, key);
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

export const key: Command = {
  summary: "make keys for clients of the scheduler",
  usage: "usage: ascend-pd key new NAME [--trusted] [--json]\n\n`ascend-pd key new --help` tells more.",
  subcommands: { new: make },
  run() {
    throw new UserError(`what about keys?\nfix: ${key.usage.split("\n")[0]?.replace("usage: ", "")}`);
  },
};
