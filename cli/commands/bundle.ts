import { FixableError } from "../../problems/fixable-error.ts";
import { defaultCacheDir } from "../../toolchain/cache.ts";
import type { Context } from "../../toolchain/context.ts";
import type { Architecture } from "../../toolchain/node-digests.ts";
import { install } from "../../toolchain/offline/install.ts";
import { pack } from "../../toolchain/offline/pack.ts";
import { type Command, oneOperand, parseFlags, parseOptions } from "../command.ts";
import { complain, print } from "../print.ts";
import { withProgress } from "../progress.ts";
import { UserError } from "../user-error.ts";

const json = { json: { type: "boolean", default: false } } as const;
const OPTIONS = {
  output: { type: "string", default: "ascend-pd-bundle.tar.gz" },
  arch: { type: "string", default: "amd64,arm64" },
  ...json,
} as const;

const installBundle: Command = {
  summary: "put a project and its tools in place from an archive, without a network",
  usage: `usage: ascend-pd bundle install FILE [FOLDER] [--json]

Checks every file of an archive that \`ascend-pd bundle\` has made by its checksum, then puts the tools into the cache and the
project into FOLDER (ascend-pd), which must not be there. Of an archive that is damaged, or for other machines, nothing is
installed. Where there is no ascend-pd yet, the archive brings its own installer, which needs sh, tar, gzip and coreutils:

  tar -xOzf FILE install.sh | sh -s FILE [FOLDER]

  --json   print {"folder"}

examples:
  ascend-pd bundle install ascend-pd-bundle.tar.gz
  ascend-pd bundle install /media/usb/ascend-pd-bundle.tar.gz /opt/ascend-pd

exit codes: 0 installed, 1 the archive is damaged or cannot be installed here, 2 the command line is wrong`,
  options: json,
  operands: ["file"],
  async run(args) {
    const { values, positionals } = parseOptions(args, json);
    const [file, folder = "ascend-pd", ...others] = positionals;
    const said: string[] = [];
    const installed = await withProgress(
      () => `installing ${file}: ${said.at(-1) ?? ""}`,
      () =>
        install(oneOperand([...(file === undefined ? [] : [file]), ...others], "FILE"), folder, (line) =>
          said.push(line),
        ),
    );
    if ("error" in installed) throw new FixableError(installed.error, installed.fix);
    if (values.json) print(JSON.stringify(installed));
    else print(`installed ${installed.folder}; next: cd ${installed.folder} && ./ascend-pd --help`);
    return 0;
  },
};

export const bundle: Command = {
  summary: "make one archive of this project and its tools, for a machine without a network",
  usage: `usage: ascend-pd bundle [--output FILE] [--arch LIST] [--json]
       ascend-pd bundle install FILE [FOLDER] [--json]

Writes an archive of the project in this folder, the npm packages with Node, Pulumi with its plugins, and the Node image that
scheduler and simulator are built on, each with its checksum. What is missing here is obtained first. It is for machines of
this kind. Hidden files, dist/ and npm packages for developers stay out; images of engines and a Docker Engine are not in it.

  --output FILE   the archive (ascend-pd-bundle.tar.gz); one that is there is replaced once the new one is whole
  --arch LIST     architectures of the hosts, for the Node image: amd64, arm64 or both (amd64,arm64)
  --json          print {"file", "bytes", "sha256", "platform", "images", "files"}

examples:
  ascend-pd bundle
  ascend-pd bundle --arch arm64 --output /media/usb/ascend-pd.tar.gz

exit codes: 0 written, 1 a part could not be obtained or written, 2 the command line is wrong`,
  options: OPTIONS,
  subcommands: { install: installBundle },
  async run(args) {
    const { values } = parseFlags(args, OPTIONS);
    const images = values.arch.split(",");
    if (!images.every(isArchitecture) || images.length === 0)
      throw new UserError(`--arch is ${values.arch}\nfix: amd64, arm64, or amd64,arm64`);
    const context: Context = { cacheDir: defaultCacheDir(), say: (line) => complain(`  ${line}`) };
    let at = "looking at what there is";
    const made = await withProgress(
      () => at,
      () =>
        pack(context, process.cwd(), images, values.output, (step, share) => {
          at = `${step}: ${Math.round(100 * share)} %`;
        }),
    );
    if (values.json) print(JSON.stringify(made));
    else
      print(`wrote ${made.file}: ${Math.round(made.bytes / 1e6)} MB, ${made.files} files, for ${made.platform}
sha256 ${made.sha256}
there: tar -xOzf ${made.file} install.sh | sh -s ${made.file}`);
    return 0;
  },
};

const isArchitecture = (word: string): word is Architecture => word === "amd64" || word === "arm64";
